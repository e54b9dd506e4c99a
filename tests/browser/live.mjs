// Live updates: a first connection and an answer that fail are asked for again; a change shows by itself, and
// takes nothing away that is being typed; in a quiet hour the relative times are asked for again; a lost
// connection says since when; it comes back by itself.
import { check, run, told, windowOf } from './browser.mjs';

await run(async (browser) => {
  const watcher = await windowOf(browser, told.people.operator);
  // The service is overloaded, once.
  const fail = (answers) => async (route) => {
    if (answers.shift()) await route.fulfill({ status: 503, body: '' }); else await route.continue();
  };
  const [unreached, unanswered] = [[1, 1], [1, 1]];
  await watcher.route('**/console/events**', fail(unreached));
  await watcher.goto('/console');
  check(await watcher.locator('#strip.is-normal').count() === 1, 'it does not begin as normal');
  const post = async (path, body) => {
    const answer = await fetch(`${told.base}/api/v1${path}`, {
      method: 'POST', headers: { authorization: `Bearer ${told.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said = await answer.text();
    check(answer.ok, `${path} is refused: ${answer.status} ${said}`);
    return JSON.parse(said);
  };
  const say = async (key, severity = 'minor', more = {}) =>
    (await post('/signals', { source: 'probe', key, title: `The ${key} fails`, severity, ...more })).signals[0].id;
  // Something comes above the link that has the focus.
  const keepsFocus = async (page, words, happen, sign) => {
    await page.locator('ul.rows a', { hasText: words }).focus();
    await happen();
    await page.waitForSelector(`ul.rows a:has-text("${sign}")`, { timeout: 30000 });
    const row = await page.evaluate(() => document.activeElement?.closest('li')?.textContent ?? '');
    check(row.includes(words), `the focus is not at “${words}” but at “${row.trim()}”`);
  };
  await say('first');
  await watcher.waitForSelector('text=The first fails', { timeout: 30000 });
  check(unreached.length === 0, 'the connection was not refused');
  // Both parts of the page are refused the next time.
  await watcher.route((url) => ['/console', '/console/strip'].includes(url.pathname), fail(unanswered));
  await watcher.fill('input[name=note]', 'Only a te');
  await say('second');
  await watcher.waitForSelector('text=The second fails', { timeout: 30000 });
  check(unanswered.length === 0, 'the answers were not refused');
  const typed = watcher.locator('li', { hasText: 'The first fails' }).locator('input[name=note]');
  check(await typed.inputValue() === 'Only a te', 'what was typed is gone');
  // Somebody else decides: the words stay to be copied, and there is nothing to press.
  const third = await say('third');
  const card = watcher.locator(`#signal-${third}`);
  await card.locator('input[name=note]').fill('To be copied');
  await post(`/signals/${third}/dismiss`, { note: 'Known' });
  await card.locator('[role=status]').waitFor({ timeout: 30000 });
  check(await card.locator('button').count() === 0, 'what is decided has still a button');
  check(await card.locator('input[name=note]').inputValue() === 'To be copied', 'what was typed is not there to copy');
  // The rows keep the focus when others come before them.
  const list = await windowOf(browser, told.people.operator);
  await list.goto('/console/signals');
  await keepsFocus(list, 'The second fails', () => say('fourth'), 'The fourth fails');
  const over = { resolved: true };
  await say('fourth', 'minor', over);
  await list.goto('/console');
  await say('fifth');
  await keepsFocus(list, 'The fourth fails', () => say('fifth', 'minor', over), 'The fifth fails');
  // Worse ones take all the places; the card that is typed into stays.
  for (let n = 1; n <= 26; n += 1) await say(`worse ${n}`, 'critical');
  await watcher.waitForSelector('text=The worse 26 fails', { timeout: 30000 });
  await watcher.waitForSelector('text=The second fails', { state: 'detached', timeout: 30000 });
  check(await typed.inputValue() === 'Only a te', 'what was typed is gone with its card');
  await typed.press('Enter');
  await watcher.waitForSelector('text=The first fails', { state: 'detached', timeout: 30000 });
  const other = await windowOf(browser, told.people.approver);
  await other.goto('/console/freeze');
  await other.click('button.freeze');
  await watcher.waitForSelector('#strip.is-frozen', { timeout: 30000 });
  await list.goto(new URL(other.url()).pathname);
  await keepsFocus(list, 'The worse 26 fails', () => say('worst', 'critical'), 'The worst fails');
  // Three beats without news, here one after the other.
  await watcher.waitForTimeout(2000);
  const again = watcher.waitForResponse((r) => r.url().endsWith('/console/strip'), { timeout: 30000 });
  await watcher.evaluate(() => { for (let n = 0; n < 3; n += 1) document.body.dispatchEvent(new CustomEvent('beat')); });
  check((await again).ok(), 'the strip is not asked for again');
  check(await watcher.isHidden('#stale'), 'stale although it is connected');
  await watcher.context().setOffline(true);
  // The running stream is cut too, as a dead network would.
  await watcher.evaluate(() => document.body._htmx?.sse?.reader?.cancel());
  await watcher.waitForSelector('#stale:not([hidden])', { timeout: 40000 });
  check(/\d\d:\d\d:\d\d/.test(await watcher.innerText('#stale')), 'it does not say since when');
  await watcher.context().setOffline(false);
  await watcher.waitForSelector('#stale', { state: 'hidden', timeout: 90000 });
  console.log('live, stale and live again');
});
