// The main flow: five clicks by two people, from the first screen to the first words on every channel.
// Keys and typing are not counted as clicks; every click is.
import { check, run, told, windowOf } from './browser.mjs';

await run(async (browser) => {
  let clicks = 0;
  const click = async (page, selector) => { clicks += 1; await page.click(selector); };
  const began = Date.now();
  const marks = [];
  const mark = (words) => marks.push(`${((Date.now() - began) / 1000).toFixed(1)} s ${words}`);

  const operator = await windowOf(browser, told.people.operator, { viewport: { width: 1280, height: 860 } });
  await operator.goto('/console');
  await click(operator, 'a.freeze-link');
  await operator.waitForSelector('button.freeze');
  check(await operator.evaluate(() => document.activeElement.matches('button.freeze')), 'the focus is not on the confirming button');
  await click(operator, 'button.freeze');
  await operator.waitForSelector('text=COMMITTED');
  await operator.waitForSelector('text=SEALED');
  mark('frozen and sealed');
  await click(operator, 'button.choice[value="outage"]');
  await operator.waitForURL(/\/console\/compose/);
  mark('incident open, first words prefilled');
  for (const name of ['text_en', 'text_fr', 'title_en', 'title_fr']) {
    const field = operator.locator(`[name="${name}"]`);
    const words = await field.inputValue();
    check(words.length > 0, `${name} is not prefilled`);
    await field.fill(words.replace(/\[[^\]]*\]/g, 'Card payment'));
  }
  await click(operator, 'button[name="do"][value="submit"]');
  await operator.waitForURL(/\/console\/(incidents|posts)\//);
  mark('submitted');

  const approver = await windowOf(browser, told.people.approver, { viewport: { width: 390, height: 844 } });
  // The link of the mail: straight to the exact texts.
  const link = told.mail ? await fromMail(told.mail) : await firstWaiting(operator);
  await approver.goto(link);
  const shown = await approver.innerText('main');
  check(shown.includes('Card payment') && !shown.includes('['), 'the approver does not see the exact words');
  await click(approver, 'button[name="decision"][value="approve"]');
  await approver.waitForURL(/\/console\/incidents\//);
  mark('approved');
  // The matrix turns green by itself, on the operator's screen too.
  await operator.goto(approver.url());
  const cells = () => operator.locator('table.matrix .state.good').count();
  const until = Date.now() + 60000;
  while (await cells() < told.expected && Date.now() < until) await operator.waitForTimeout(200);
  check(await cells() >= told.expected, `${await cells()} of ${told.expected} copies are out`);
  mark(`${told.expected} copies out`);
  check(clicks === 5, `${clicks} clicks`);
  check(operator.complaints.length + approver.complaints.length === 0, [...operator.complaints, ...approver.complaints].join('\n'));
  if (process.env.SHOTS) await operator.screenshot({ path: `${process.env.SHOTS}/flow-room.png`, fullPage: true });
  console.log(`five clicks: ${marks.join('; ')}`);
});

async function firstWaiting(page) {
  const other = await page.context().newPage();
  await other.goto('/console/approvals');
  const ids = await other.$$eval('ul.rows a.button', (all) => all.map((a) => a.getAttribute('href').split('/').pop()));
  await other.close();
  check(ids.length > 0, 'nothing waits for approval');
  const [first, ...rest] = ids;
  return `/console/approvals/${first}${rest.length ? `?${rest.map((id) => `with=${id}`).join('&')}` : ''}`;
}

async function fromMail(address) {
  const until = Date.now() + 20000;
  for (;;) {
    const mails = await (await fetch(address)).text();
    const found = mails.replace(/=\r?\n/g, '').replace(/=3D/g, '=').match(/https?:\/\/[^\s"\\]*\/console\/approvals\/[0-9a-f-]+(\?with=[0-9a-f-]+)?/);
    if (found) return new URL(found[0]).pathname + new URL(found[0]).search;
    check(Date.now() < until, 'no mail came to the approver');
    await new Promise((r) => setTimeout(r, 200));
  }
}
