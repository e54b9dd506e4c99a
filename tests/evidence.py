#!/usr/bin/env python3
"""Writes tests/EVIDENCE.md from what the model, the simulation and the tests have left; `tests/run --evidence` runs them.

evidence.py FOLDER           prints the page; FOLDER is `evidence` in the target folder
evidence.py FOLDER begin     notes the commit that is tried now, and takes away what others have left
evidence.py FOLDER soak      keeps the rounds of FOLDER in tests/soak, with their commit and day
evidence.py --tests          prints the names of the tests that the page counts

No figure of the page is typed; an invariant that no test is about says "not tried". A later commit that changes words
alone (*.md), this script, `tests/run`, `tests/soak` or unit tests of adapters leaves the results as they are; after any
other the page is refused. So it is when a part has no result or too little was tried, when something is broken or was not found, or when a test that
it counts did not run.
"""
import json
import os
import re
import subprocess
import sys
from itertools import zip_longest

# The invariants of the design.
INVARIANTS = {
    "I1": "after COMMITTED no permit for a covered post; after SEALED no covered byte; the list of what is in flight is what the channels saw",
    "I2": "at most one accepted copy for each post and channel; each delivery ends; none is lost",
    "I3": "the bytes sent are those approved; an edit voids the approval",
    "I4": "one entry for each change, in its transaction, without a gap",
    "I5": "no public update before customers were told, or two persons say why",
    "I6": "each update promises the next one; overdue is seen",
    "I7": "restore, clone and failover send nothing again and open no gate by themselves",
    "I8": "no byte of a drill reaches a live channel",
    "I9": "nothing begins past its expiry; a thaw releases nothing by itself",
    "I10": "author and approver differ",
    "I11": "a correction goes to every channel in one action",
    "I12": "each link in an update is on the incident's list and answers",
    "I13": "a post on an account that Holdline did not send raises an alarm",
}
# Tests about an invariant, each on one example; the others of `tests/` are not counted.
TESTS = {
    "I3": [
        "approval_races::an_edit_and_an_approval_at_the_same_moment_never_both_win_over_other_words",
        "edits::an_edit_after_a_permit_was_withdrawn_leaves_nothing_of_the_old_words",
        "edits::nothing_goes_whose_post_is_not_approved",
    ],
    "I4": [
        "audit_tamper::a_change_of_any_file_is_found",
        "audit_tamper::two_hundred_tampered_exports_are_found_and_fifty_clean_ones_pass",
    ],
    "I6": [
        "incidents::an_update_in_time_keeps_the_promise_and_none_breaks_it",
        "incidents::every_update_says_when_the_next_one_comes",
        "incidents::the_next_update_is_promised_when_the_first_copy_is_out_and_a_late_one_takes_nothing_back",
    ],
    "I11": ["incidents::a_correction_names_a_post_of_its_own_incident"],
    "I7": [
        "faults::disasters::a_promoted_replica_that_lacks_the_last_commits_opens_no_gate_and_sends_nothing_again",
        "nodes::a_clone_of_a_running_node_is_refused_and_takes_nothing_over",
        "returns::a_copied_folder_stays_closed_and_the_original_goes_on",
        "returns::a_database_read_in_from_another_stays_closed_on_postgres",
        "returns::an_older_backup_in_the_same_file_is_seen_by_its_shorter_log",
    ],
    "I8": [
        "flow::a_drill_that_names_a_live_channel_is_refused_for_that_alone",
        "flow::marketing_that_names_a_drill_reaches_no_live_channel",
    ],
    "I9": ["flow::what_expired_is_never_sent"],
    "I10": [
        "approvals::the_glass_is_broken_for_a_crisis_and_reviewed_by_neither_breaker_nor_author",
        "flow::break_glass_sends_and_owes_a_review_by_another",
        "flow::nobody_approves_their_own_words_or_words_that_changed",
        "people::whoever_wrote_on_a_text_does_not_approve_it",
    ],
    "I13": [
        "watches_rooms::a_message_of_the_bot_on_discord_that_no_delivery_made_raises_an_alarm",
        "watches_seldom::a_post_on_a_page_of_facebook_that_nobody_here_sent_raises_an_alarm",
        "watches_seldom::a_post_on_x_that_nobody_here_sent_raises_an_alarm",
    ],
}
# What Holdline does not do yet.
NOT_BUILT = {"I5", "I12"}
# What each of them does to Holdline, and the command that does it again.
MODEL = ("crash, power cut, a node cut off or paused, lost commits and answers, late requests, failover, restore, clone",
         "cargo test --workspace --features failpoints --test model")
SEEDS = ("crash, reboot, a node that stands still, lost, late and wrong answers, cuts before and after the first byte",
         "cargo test --workspace --features failpoints --test simulation every_seed")
PLANTED = "cargo test --workspace --features failpoints --test simulation every_planted"
ONE_SEED = "cargo run -p holdline-simulation -- --seed N"
REAL = {
    "postgres": ("three nodes on PostgreSQL", "tests/run --only three_nodes_on_postgres"),
    "sqlite": ("one node on SQLite", "tests/run --only one_node_on_sqlite"),
}
# What else is done to real processes: one file of figures each.
DISASTER_NAMES = ("crash", "disk", "killed-postgres", "killed-sqlite", "replica")
# Less is no evidence.
LEAST_SEEDS = 10_000
LEAST_PLANTED = 30
LEAST_MODEL = {"nodes": 3, "posts": 2, "updates": 1}
KILLED = "tests/run --only a_killed_service"
DISASTERS = "tests/run --only faults::disasters"
FUZZ = "tests/run --only no_question_to_the_api"
PLANTED_IN_TESTS = "tests/run --only what_is_planted_in_a_process"
# Changes of these leave results as they are: words, and the unit tests of adapters, of which the page counts none.
WORDS = [":(exclude)*.md", ":(exclude)tests/evidence.py", ":(exclude)tests/run", ":(exclude)tests/soak",
         ":(exclude)channels/*_tests.rs"]
HERE = os.path.dirname(os.path.abspath(__file__))
SOAK = os.path.join(HERE, "soak")


def git(*words):
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()


def is_changed():
    """Whether the tree has code that is not committed."""
    return bool(git("status", "--porcelain", "--", ".", *WORDS))


def is_same_code(commit):
    """Whether nothing but words has changed since that commit."""
    same = subprocess.run(["git", "diff", "--quiet", commit, "HEAD", "--", ".", *WORDS], capture_output=True, check=False)
    return same.returncode == 0


def load(folder, name):
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def begin(folder):
    """Notes what is tried from now on; results of the same code stay, to be joined by others."""
    os.makedirs(folder, exist_ok=True)
    before = load(folder, "commit.json")
    changed = is_changed()
    if before and not before["changed"] and not changed and is_same_code(before["commit"]):
        return
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    now = {"commit": git("rev-parse", "HEAD"), "changed": changed, "processors": len(os.sched_getaffinity(0)),
           "load": round(os.getloadavg()[0], 1)}
    with open(os.path.join(folder, "commit.json"), "w", encoding="utf-8") as file:
        json.dump(now, file)


def keep_soak(folder):
    """Keeps what a soak has shown: it takes hours, and is not done again for each page."""
    tried = tried_on(folder)
    if tried["changed"]:
        sys.exit("the code has changes that are not committed: a soak is of a commit")
    day = git("show", "-s", "--format=%cs", tried["commit"])
    os.makedirs(SOAK, exist_ok=True)
    for name in REAL:
        found = load(folder, f"faults-{name}.json")
        if found:
            runs = (load(SOAK, f"soak-{name}.json") or []) + [{"commit": tried["commit"], "date": day, **found}]
            with open(os.path.join(SOAK, f"soak-{name}.json"), "w", encoding="utf-8") as file:
                json.dump(runs, file, indent=1, sort_keys=True)
                file.write("\n")


def tried_on(folder):
    """The commit that the results are of."""
    tried = load(folder, "commit.json")
    if not tried:
        sys.exit(f"{folder} does not say which commit its results are of; run `tests/run --evidence`")
    if not is_same_code(tried["commit"]) or (is_changed() and not tried["changed"]):
        sys.exit(f"the results are of {tried['commit']}, and the code has changed; run `tests/run --evidence`")
    return tried


def number(value):
    return f"{value:,}"


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
    yield ""


def about(mark, checks):
    return any(check.startswith(mark + " ") for check in checks)


class Results:
    """What a folder has."""

    def __init__(self, folder):
        self.model = load(folder, "model.json")
        self.simulation = load(folder, "simulation.json")
        self.planted = load(folder, "planted.json")
        self.planted_in_tests = load(folder, "planted-tests.json")
        self.disasters = {name: load(folder, f"disasters-{name}.json") for name in DISASTER_NAMES}
        self.fuzz = {name: load(folder, f"fuzz-{name}.json") for name in REAL}
        self.soak = {name: load(SOAK, f"soak-{name}.json") or [] for name in REAL}
        self.faults = {name: load(folder, f"faults-{name}.json") for name in REAL}
        self.kills = {name: load(folder, f"kill-{name}.json") for name in REAL}
        self.tests = {}
        log = os.path.join(folder, "tests.log")
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as file:
                self.tests = dict(re.findall(r"^test (\S+) \.\.\. (ok|FAILED)$", file.read(), re.MULTILINE))

    def of_tests(self, name):
        """How the tests of that name ended: it is one, or one on each database."""
        return [end for test, end in self.tests.items() if test == name or test.startswith(name + "::")]


def missing(results):
    """What has no result, in words."""
    parts = {"the model": results.model, "the simulation": results.simulation, "planted faults in the simulation": results.planted,
             "planted faults in tests": results.planted_in_tests, "the tests": results.tests}
    for of, found in (("rounds of faults", results.faults), ("kills", results.kills), ("fuzz", results.fuzz)):
        parts |= {f"{of} on {name}": found[name] for name in REAL}
    parts |= {f"the disaster {name}": found for name, found in results.disasters.items()}
    yield from (f"there is no result of {part}" for part, found in parts.items() if not found)
    yield from (f"the model has no {part}" for part in ("scenarios", "rules", "limits") if results.model and not results.model.get(part))
    names = (name for names in TESTS.values() for name in names)
    yield from (f"no result of the test {name}: it has another name now, or did not run" for name in names if not results.of_tests(name))


def too_little(results):
    """Where less was tried than would be evidence, in words."""
    seeds = results.simulation.get("seeds", {}).get("count", 0)
    if seeds < LEAST_SEEDS:
        yield f"{number(seeds)} seeds of the simulation were played, and {number(LEAST_SEEDS)} are the least"
    found = {*results.planted.get("found", {}), *results.planted_in_tests.get("found", {})}
    if len(found) < LEAST_PLANTED:
        yield f"{len(found)} planted faults were found, and {LEAST_PLANTED} are the least"
    tried = {*found, *results.planted.get("missed", []), *results.planted_in_tests.get("missed", [])}
    yield from (f"the planted fault {name} was not tried" for name in faults_in_code() if name not in tried)
    for name, faults in results.faults.items():
        well = faults.get("well") or {}
        if not (well.get("committed_to_sealed_ms") and well.get("answers_ms")):
            yield f"rounds of {name}: there are no times of a freeze"
        if name == "postgres" and not (faults.get("one_stands_still") or {}).get("answers_ms"):
            yield f"rounds of {name}: there are no times of a freeze while one node stands still"
    for scenario in results.model.get("scenarios", []):
        bounds = scenario["bounds"]
        less = [f"{bounds[of]} {of}" for of, least in LEAST_MODEL.items() if bounds[of] < least]
        if less:
            yield f"the scenario {scenario['scenario']} of the model has {' and '.join(less)}"


def broken(results):
    """What makes the page untrue, in words."""
    yield from (f"the test {name} failed" for name, end in sorted(results.tests.items()) if end == "FAILED")
    seeds = results.simulation.get("seeds", {})
    if seeds.get("broken"):
        yield f"{seeds['broken']} seeds of the simulation are broken"
    for found in (results.planted, results.planted_in_tests):
        yield from (f"the planted fault {name} was not found" for name in found.get("missed", []))
    for name, found in results.faults.items():
        if found and (found["after_sealed_and_not_listed"] or (found["one_stands_still"] or {}).get("sealed")):
            yield f"rounds of {name}: something came after SEALED that is on no list, or was sealed too early"
        still = (found or {}).get("one_stands_still")
        if still and still["answers_ms"]["max"] > 2000:
            yield f"rounds of {name}: a freeze with one node that stands still was answered after {still['answers_ms']['max']} ms"
        if found and found["deliveries"] != found["arrived_once"]:
            yield f"rounds of {name}: not each delivery arrived once"
    for name, found in results.fuzz.items():
        if found and found["accepted"] < found["least_accepted"]:
            yield f"fuzz on {name}: {found['accepted']} operations were done, and {found['least_accepted']} are the least"
    for name, found in results.kills.items():
        if found and found["deliveries"] != found["arrived_once"]:
            yield f"kills of {name}: not each delivery arrived once"


def refuse(results):
    """Ends when the page would not be true."""
    why = [*missing(results), *too_little(results), *broken(results)]
    if why:
        sys.exit("no page is written: " + "; ".join(why))


def checked(mark, sentences):
    """What was checked of an invariant, as whoever checks it says it."""
    return "; ".join(s.removeprefix(mark + " ") for s in sentences if s.startswith(mark + " "))


def tries(results):
    """For each invariant: what was checked, in what, under what, how often, and the command."""
    for mark in INVARIANTS:
        rows = [*in_model(mark, results.model), *in_seeds(mark, results.simulation), *in_rounds(mark, results),
                *in_disasters(mark, results.disasters.values()), *in_questions(mark, results.fuzz), *in_tests(mark, results)]
        yield from ((mark, *row) for row in rows)
        if not rows:
            yield (mark, "", "not built yet" if mark in NOT_BUILT else "not tried", "", "", "")


def in_model(mark, model):
    walks = model.get("scenarios", [])
    if walks and about(mark, model.get("invariants", [])):
        states = sum(w["walk"]["states"] for w in walks)
        yield checked(mark, model["invariants"]), "model", MODEL[0], f"{number(states)} states of {len(walks)} scenarios", f"`{MODEL[1]}`"


def in_seeds(mark, simulation):
    if simulation and about(mark, simulation["checks"]):
        seeds = simulation["seeds"]
        often = f"{number(seeds['count'])} seeds, {number(seeds['steps'])} steps"
        yield checked(mark, simulation["checks"]), "simulation", SEEDS[0], often, f"`{SEEDS[1]}`"


def in_rounds(mark, results):
    for name, (where, command) in REAL.items():
        faults, kills = results.faults[name], results.kills[name]
        if faults and about(mark, faults["checks"]):
            often = f"{number(faults['rounds'])} rounds, {number(faults['deliveries'])} deliveries"
            yield checked(mark, faults["checks"]), f"real processes: {where}", ", ".join(sorted(faults["by_fault"])), often, f"`{command}`"
        if kills and about(mark, kills["checks"]):
            often = f"{number(kills['kills'])} kills, {number(kills['deliveries'])} deliveries"
            yield checked(mark, kills["checks"]), f"real processes: `kill -9`, {name}", ", ".join(kills["steps"]), often, f"`{KILLED}`"


def in_disasters(mark, disasters):
    for found in disasters:
        if about(mark, found["checks"]):
            often = f"{number(found['rounds'])} rounds, {number(found['deliveries'])} deliveries, {number(found['freezes'])} freezes"
            yield checked(mark, found["checks"]), "real processes", found["what"], often, f"`{DISASTERS}`"


def in_questions(mark, fuzz):
    for name, found in fuzz.items():
        if found and about(mark, found["checks"]):
            yield checked(mark, found["checks"]), f"fuzz, {name}", "whatever the API is asked", f"{number(found['questions'])} questions", f"`{FUZZ}`"


def in_tests(mark, results):
    names = TESTS.get(mark, [])
    ends = [end for name in names for end in results.of_tests(name)]
    if ends:
        short = [name.split("::")[-1] for name in names]
        words = "; ".join(name.replace("_", " ") for name in short)
        yield words, "tests", "an example each", f"{len(ends)} tests", f"`tests/run --only {' '.join(short)}`"


def page(results, tried):
    with_changes = ", and changes that are not committed" if tried["changed"] else ""
    day = git("show", "-s", "--format=%cs", tried["commit"])
    yield "# Evidence"
    yield ""
    yield f"Written by `tests/evidence.py` from what the tests leave; `tests/run --evidence` does all of it again. It was tried on commit {tried['commit']} of {day}{with_changes},"
    yield f"on a machine with {tried['processors']} processors, which had a load of {tried['load']} when that began. No figure is typed. \"Not tried\" stands for an"
    yield "invariant that no test is about. What is simulated and what is taken for granted stands in `ARCHITECTURE.md`. Each row says what"
    yield "was really checked, which may be less than the invariant. When one check fails, no page is written."
    yield ""
    yield "## Invariants"
    yield ""
    yield from (f"- {mark}: {words}" for mark, words in INVARIANTS.items())
    yield ""
    yield from table(["", "what was checked", "tried in", "under", "how often", "again with"], tries(results))
    yield "## How long a freeze takes"
    yield ""
    yield from times(results.faults)
    yield "## Planted faults"
    yield ""
    yield from planted(results.planted, results.planted_in_tests)
    yield "## The simulation"
    yield ""
    yield from simulated(results.simulation)
    yield "## Real processes under faults"
    yield ""
    yield from rounds(results.faults)
    yield from disasters(results.disasters.values())
    if any(results.soak.values()):
        yield "## The soak"
        yield ""
        yield from soak(results.soak)
    yield "## Questions that nobody would ask"
    yield ""
    yield from questions(results.fuzz)
    yield "## The model"
    yield ""
    yield from modelled(results.model)


def times(faults):
    yield "Milliseconds. An answer is that of `holdline freeze`, its start included. With one node that stands still nothing is"
    yield "sealed; the answer waits for it, and is to come within 2,000."
    for name, found in faults.items():
        if found.get("load") is not None:
            yield f"The machine had a load of {found['load']} meanwhile ({REAL[name][0]})."
    yield ""
    yield from spreads(faults)


def spreads(faults):
    rows = []
    for name, found in faults.items():
        where = REAL[name][0]
        measured = [("COMMITTED to SEALED, every node is well", found["well"]["committed_to_sealed_ms"]),
                    ("call to answer, every node is well", found["well"]["answers_ms"])]
        still = found["one_stands_still"]
        if still:
            what = f"call to answer, one node stands still: {still['sealed']} sealed, the node is named in {still['named']}; all within 2,000: {'yes' if still['answers_ms']['max'] <= 2000 else 'NO'}"
            measured.append((what, still["answers_ms"]))
        rows += [(where, what, spread["count"], *(number(spread[p]) for p in ("p50", "p99", "max"))) for what, spread in measured]
    yield from table(["", "from", "freezes", "p50", "p99", "max"], rows)


def faults_in_code():
    """What each fault that can be planted does, by its name: the words of the code."""
    said = {}
    for path, name in (("../channels/planted.rs", "Planted"), ("simulation/planted.rs", "Fault")):
        with open(os.path.join(HERE, path), encoding="utf-8") as file:
            enum = re.search(rf"pub enum {name} {{\n(.*?)\n}}", file.read(), re.DOTALL).group(1)
        for words, fault in re.findall(r"((?: +/// [^\n]*\n)+) +(\w+),", enum):
            said[fault] = re.sub(r"\s*///\s*", " ", words).strip()
    return said


def planted(in_seeds, in_tests):
    said = faults_in_code()
    by_seeds, by_tests = in_seeds.get("found", {}), in_tests.get("found", {})
    yield f"Found {len(by_seeds) + len(by_tests)} of {len(said)}, each by all the checks and tests that are named for it."
    yield f"In the simulation, within {in_seeds.get('within', 'some')} seeds: `{PLANTED}`; one of them again: `{ONE_SEED} --planted NAME`."
    yield f"In tests, by the sentence that fails first: `{PLANTED_IN_TESTS}`."
    yield ""
    rows = [(name, said[name], check, by["seed"]) for name, checks in by_seeds.items() for check, by in checks.items()]
    rows += [(name, said[name], f"`{test}`: `{by}`", "") for name, tests in by_tests.items() for test, by in tests.items()]
    yield from table(["planted", "what is wrong", "what finds it", "first in seed"], sorted(rows))


def simulated(simulation):
    seeds, met, floors = simulation["seeds"], simulation["met"], dict(simulation["floors"])
    yield f"{number(seeds['count'])} of {number(seeds['asked'])} seeds from {seeds['from']} on: {number(seeds['simulated_seconds'])} simulated seconds in {number(round(seeds['took_seconds']))}, {seeds['broken']} broken."
    yield f"One of them again: `{ONE_SEED}`."
    yield ""
    yield from table(["what is checked in each seed"], ((check,) for check in simulation["checks"]))
    rows = ((what, number(times), number(floors[what]) if what in floors else "") for what, times in sorted(met.items()))
    yield from table(["what was met", "times", "least in 10,000 seeds"], rows)


def rounds(faults):
    rows = []
    for name in faults:
        (where, command), found = REAL[name], faults[name]
        rows += [(where, fault, count) for fault, count in sorted(found["by_fault"].items())]
        yield f"{where[0].upper()}{where[1:]}: {number(found['deliveries'])} deliveries, {number(found['arrived_once'])} of them arrived once; {number(found['listed'])} were on the list"
        yield f"of a freeze, {number(found['held'])} held; after SEALED arrived {found['after_sealed_and_listed']} of the lists, and {found['after_sealed_and_not_listed']} others."
        if "seed" in found:
            yield f"The rounds took {number(found['seconds'])} seconds; their moments are those of the seed {found['seed']}: `HOLDLINE_FAULT_SEED={found['seed']} {command}`."
        yield ""
    yield from table(["", "what goes wrong", "rounds"], rows)


def disasters(found):
    rows = ((d["what"], "; ".join(d["checks"]), number(d["rounds"]), number(d["deliveries"]), number(d["freezes"])) for d in found)
    yield from table(["what goes wrong", "what was checked", "rounds", "deliveries", "freezes"], rows)


def soak(kept):
    counted = ("rounds", "deliveries", "arrived_once", "listed", "held", "after_sealed_and_listed", "after_sealed_and_not_listed")
    summed = {}
    for name, runs in kept.items():
        for run in runs:
            moments = f", in {number(run['seconds'])} seconds, from the seed {run['seed']}" if "seed" in run else ""
            yield f"{REAL[name][0][0].upper()}{REAL[name][0][1:]}: {number(run['rounds'])} rounds on commit {run['commit']} of {run['date']}{moments} (`tests/run --soak`)."
            yield ""
        if runs:
            summed[name] = {key: sum(run[key] for run in runs) for key in counted}
            faults = {fault for run in runs for fault in run["by_fault"]}
            summed[name]["by_fault"] = {fault: sum(run["by_fault"].get(fault, 0) for run in runs) for fault in faults}
    yield f"{number(sum(found['rounds'] for found in summed.values()))} rounds in all."
    yield ""
    yield from rounds(summed)
    for runs in zip_longest(*kept.values()):
        yield from spreads({name: run for name, run in zip(kept, runs) if run})


def questions(fuzz):
    rows = []
    for name, found in fuzz.items():
        of = f"{found['accepted']} of {found['operations']}"
        rows.append((name, "; ".join(found["checks"]), number(found["questions"]), found["examples"], of, found["least_accepted"], f"`{FUZZ}`"))
    yield "Made up from the API's own description, by an operator, an approver and an administrator. An operation that was once done is"
    yield "one that gave an answer from 200 to 299: the others were asked for what is not there, or must not be."
    yield ""
    yield from table(["", "what was checked", "questions", "made up for each operation and person, at most", "operations once done", "at least", "again with"], rows)


def walked(scenario):
    walk = scenario["walk"]
    bounds = (scenario["bounds"][of] for of in LEAST_MODEL)
    return scenario["scenario"], *bounds, number(walk["states"]), number(walk["steps"]), walk["depth"], walk["seconds"]


def modelled(model):
    head = ["scenario", *LEAST_MODEL, "states", "steps", "depth", "seconds"]
    yield from table(head, map(walked, model["scenarios"]))
    if model.get("narrow"):
        yield "What would have too many states with all posts is walked with fewer of them besides: second attempts, or a backup on the way."
        yield ""
        yield from table(head, map(walked, model["narrow"]))
    for part, words in (("rules", "Rules taken out one by one"), ("limits", "What is taken for granted, taken away")):
        some = model.get(part, [])
        yield f"{words}: {len(some)}, and each breaks an invariant."
        yield ""
        rows = ((r["without"], r["breaks"], r["scenario"], number(r["walk"]["states"])) for r in some)
        yield from table(["without", "breaks", "in", "states until then"], rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["--tests"]:
        print("\n".join(name for names in TESTS.values() for name in names))
    elif len(sys.argv) == 3 and sys.argv[2] == "begin":
        begin(sys.argv[1])
    elif len(sys.argv) == 3 and sys.argv[2] == "soak":
        keep_soak(sys.argv[1])
    elif len(sys.argv) == 2:
        of, tried = Results(sys.argv[1]), tried_on(sys.argv[1])
        refuse(of)
        print("\n".join(page(of, tried)).rstrip())
    else:
        sys.exit(__doc__)
