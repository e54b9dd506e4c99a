//! Top-level domains that Mastodon knows. Pure data.
//!
//! A link to any other one is none for its counter, which has a fixed list. This one is shorter: it has the
//! countries and what is common. What is missing counts in full, so that a post that would fit may be
//! called too long, and none that does not fit is let through.

/// Of countries (ISO 3166, and a few like them).
const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bv \
    bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es \
    et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu \
    id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt \
    lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no \
    np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si \
    sk sl sm sn so sr ss st sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy \
    uz va vc ve vg vi vn vu wf ws ye yt za zm zw";

/// Of everybody.
const OTHERS: &str = "aero agency amsterdam app asia bank bayern berlin biz blog brussels bzh care cat center city cloud \
    com community company coop corsica cymru dev digital edu email energy eus events finance financial \
    foundation gal global gmbh gov group hamburg health help info insurance int jobs koeln legal life \
    link live london media mil mobi museum name net network news ngo nrw nyc one ong online org page \
    paris post press pro quebec report school scot security services shop site social software solutions \
    space store support swiss systems tech technology tel today tokyo travel university vlaanderen wales \
    website wien world xyz zuerich";

/// Whether it is on the list.
pub(crate) fn is_known(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [COUNTRIES, OTHERS].iter().any(|list| list.split(' ').any(|known| known == name))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_known_in_any_case() {
        for known in ["ch", "CH", "Org", "zw", "aero", "zuerich"] {
            assert!(super::is_known(known), "{known}");
        }
        for unknown in ["", "example", "c", "test", "ch "] {
            assert!(!super::is_known(unknown), "{unknown}");
        }
    }
}
