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
  for (const name of ['text-en', 'text-fr', 'title-en', 'title-fr']) {
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
  await openFromMail(approver, told.mail);
  const shown = (await approver.locator('.rendition').allInnerTexts()).join(' ');
  check(shown.includes('Card payment') && !shown.includes('['), 'the approver does not see the exact words');
  await click(approver, 'button[name="decision"][value="approve"]');
  await approver.waitForURL(/\/console\/incidents\//);
  mark('approved');
  // The matrix turns green by itself, on the operator's screen too.
  await operator.goto(approver.url());
  const cells = () => operator.locator('svg.matrix .cell a.good').count();
  const until = Date.now() + 60000;
  while (await cells() < told.expected && Date.now() < until) await operator.waitForTimeout(200);
  check(await cells() >= told.expected, `${await cells()} of ${told.expected} copies are out`);
  mark(`${told.expected} copies out`);
  // Whoever reads the same as a table goes on reading when the page hears of something.
  const table = operator.locator('details:has(table.texts)');
  await table.evaluate((d) => { d.open = true; });
  const again = operator.waitForResponse((r) => r.url() === operator.url());
  await operator.evaluate(() => document.body.dispatchEvent(new CustomEvent('news')));
  await (await again).finished();
  await operator.waitForTimeout(500);
  check(await table.evaluate((d) => d.open), 'the table closes by itself');
  check(await operator.locator('table.texts .state.good').count() >= told.expected, 'the table says something else than the picture');
  check(clicks === 5, `${clicks} clicks`);
  check(operator.complaints.length + approver.complaints.length === 0, [...operator.complaints, ...approver.complaints].join('\n'));
  if (process.env.SHOTS) await operator.screenshot({ path: `${process.env.SHOTS}/flow-room.png`, fullPage: true });
  console.log(`five clicks: ${marks.join('; ')}`);
});

/** Opens the newest link of the approver's mails that leads to a text of this test. */
async function openFromMail(page, kept) {
  const link = /https?:\/\/[^\s"\\<>]*(\/console\/approvals\/[0-9a-f-]+(\?with=[0-9a-f-]+)?)/g;
  const until = Date.now() + 30000;
  while (Date.now() < until) {
    const mails = await (await fetch(kept)).text();
    for (const found of [...mails.matchAll(link)].reverse()) {
      page.complaints.length = 0;
      const answer = await page.goto(found[1]);
      if (answer.ok()) return;
    }
    page.complaints.length = 0;
    await new Promise((r) => setTimeout(r, 300));
  }
  throw new Error('no mail brings the approver to the text');
}
