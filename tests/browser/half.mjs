// A thread of which a part is out: each page that shows it offers to take that down, on a phone, in both languages; then it
// is done by keyboard.
import { axeFindings, check, isTooWide, run, tabTo, told, windowOf } from './browser.mjs';

const shots = process.env.SHOTS;
const phone = { viewport: { width: 390, height: 844 } };
const offers = { en: 'Take down what is out on x…', fr: 'Retirer ce qui est en ligne sur x…' };

await run(async (browser) => {
  for (const lang of ['en', 'fr']) {
    const operator = await windowOf(browser, told.people.operator, phone);
    for (const [name, path] of Object.entries(told.pages)) {
      await operator.goto(`${path}?lang=${lang}`);
      const offer = operator.locator('details.retract > summary');
      check((await offer.allInnerTexts()).join() === offers[lang], `${name} offers: ${await offer.allInnerTexts()}`);
      await offer.click();
      check(!(await isTooWide(operator)), `${name} is wider than a phone`);
      const findings = await axeFindings(operator);
      check(findings.length === 0, findings.join('\n'));
      if (shots) await operator.screenshot({ path: `${shots}/half-${name}-${lang}.png`, fullPage: true });
    }
  }

  const desk = await windowOf(browser, told.people.operator);
  await desk.goto(`${told.pages.doubt}?lang=en`);
  await tabTo(desk, 'details.retract > summary');
  await desk.keyboard.press('Enter');
  await tabTo(desk, 'details.retract[open] input[name="why"]');
  await desk.keyboard.type('The price was wrong');
  await tabTo(desk, 'details.retract[open] input[name="word"]');
  await desk.keyboard.type('take down');
  await desk.keyboard.press('Enter');
  await desk.waitForFunction(() => !document.querySelector('details.retract'));
  check(/taken down/.test(await desk.locator('main').innerText()), 'the page does not say that it is taken down');
  if (shots) await desk.screenshot({ path: `${shots}/half-gone-en.png`, fullPage: true });
  console.log('what was out is offered on each page, and taken down by keyboard');
});
