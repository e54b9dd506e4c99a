// A database that came back from a backup: the strip and the first screen say that nothing is sent and why, a person
// without the right is sent to an administrator, who confirms; on a phone, in both languages.
import { axeFindings, check, isTooWide, run, told, windowOf } from './browser.mjs';

const shots = process.env.SHOTS;
const phone = { viewport: { width: 390, height: 844 } };
const words = {
  en: { standing: 'Nothing is sent', strip: '1 node sends nothing', first: /Node “a” sends nothing: .*is not the one that was seen/, ask: /administrator/i },
  fr: { standing: 'Rien n’est envoyé', strip: '1 nœud n’envoie rien', first: /Le nœud «\s*a\s*» n’envoie rien\s*:/, ask: /administrat/i },
};

await run(async (browser) => {
  for (const lang of ['en', 'fr']) {
    const operator = await windowOf(browser, told.people.operator, phone);
    await operator.goto(`/console?lang=${lang}`);
    const tag = operator.locator('#strip a.alarm[href="/console/settings/nodes"]');
    check(await tag.innerText() === words[lang].strip, `the strip says: ${await operator.locator('#strip').innerText()}`);
    check((await operator.locator('#strip strong').innerText()) === words[lang].standing, 'the strip calls it normal');
    const first = operator.locator('section[aria-labelledby="signals"] a[href="/console/settings/nodes"]');
    check(words[lang].first.test(await first.innerText()), `the first screen says: ${await first.innerText()}`);
    check(!(await isTooWide(operator)), 'the first screen is wider than a phone');
    if (shots) await operator.screenshot({ path: `${shots}/returned-now-${lang}.png`, fullPage: true });
    await first.click();
    await operator.waitForURL(/settings\/nodes/);
    await operator.goto(`/console/settings/nodes?lang=${lang}`);
    check(await operator.locator('form[action$="/confirm"]').count() === 0, 'an operator can confirm');
    check(words[lang].ask.test(await operator.locator('main').innerText()), 'nobody is named to ask');
    const findings = await axeFindings(operator);
    check(findings.length === 0, findings.join('\n'));
    if (shots) await operator.screenshot({ path: `${shots}/returned-nodes-${lang}.png`, fullPage: true });
  }

  const boss = await windowOf(browser, told.people.administrator, phone);
  await boss.goto('/console/settings/nodes');
  await boss.fill('form[action$="/confirm"] input[name="note"]', 'The backup of this night');
  await boss.fill('form[action$="/confirm"] input[name="word"]', 'yes');
  await boss.click('form[action$="/confirm"] button');
  check(await boss.inputValue('input[name="note"]') === 'The backup of this night', 'the note is lost');
  await boss.fill('form[action$="/confirm"] input[name="word"]', 'CONFIRM');
  await boss.click('form[action$="/confirm"] button');
  await boss.waitForSelector('.done-well');
  if (shots) await boss.screenshot({ path: `${shots}/returned-confirmed.png`, fullPage: true });
  // The node takes the confirmation within its next look.
  for (let n = 0; await boss.locator('#strip a.alarm[href="/console/settings/nodes"]').count() > 0; n += 1) {
    check(n < 60, 'the node still sends nothing');
    await boss.waitForTimeout(500);
    await boss.goto('/console');
  }
  await boss.click('#strip a[href="/console/held"]');
  check(/may have gone out already/.test(await boss.locator('main').innerText()), 'what may be out is not held with its reason');
  console.log('the return is told, confirmed, and what may be out is held');
});
