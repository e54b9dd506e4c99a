// What was under way when a freeze came is taken down: by keyboard alone, and without JavaScript on a phone.
import { check, run, tabTo, told, windowOf } from './browser.mjs';

await run(async (browser) => {
  const operator = await windowOf(browser, told.people.operator);
  await operator.goto(told.freeze);
  const states = (page) => page.locator('ul.rows .state').allInnerTexts();
  const down = async (page) => (await states(page)).filter((s) => s === 'taken down').length;
  check(await operator.locator('details.retract').count() === 3, 'not every copy can be taken down');
  await tabTo(operator, 'details.retract > summary');
  await operator.keyboard.press('Enter');
  await tabTo(operator, 'details.retract[open] input[name="why"]');
  await operator.keyboard.type('The price was wrong');
  // News comes while somebody types.
  const news = operator.waitForResponse((r) => r.url().includes('/console/freezes/'));
  await operator.evaluate(() => document.body.dispatchEvent(new CustomEvent('news')));
  await news;
  await operator.waitForTimeout(300);
  check(await operator.inputValue('details.retract[open] input[name="why"]') === 'The price was wrong', 'what was typed is lost');
  await tabTo(operator, 'details.retract[open] input[name="word"]');
  await operator.keyboard.type('no');
  await operator.keyboard.press('Enter');
  await operator.waitForSelector('.wrong');
  check(await operator.evaluate(() => document.activeElement.name) === 'word', 'the focus is not on what is wrong');
  check(await down(operator) === 0, 'one word too early');
  await operator.keyboard.press('Control+A');
  await operator.keyboard.type('take down');
  await operator.keyboard.press('Enter');
  await operator.waitForURL(/#in-flight$/);
  check(await down(operator) === 1, `not taken down: ${await states(operator)}`);

  const options = { javaScriptEnabled: false, viewport: { width: 390, height: 844 } };
  const phone = await windowOf(browser, told.people.operator, options);
  await phone.goto(told.freeze);
  await phone.click('details.retract > summary');
  await phone.fill('details.retract[open] input[name="why"]', 'The price was wrong');
  await phone.fill('details.retract[open] input[name="word"]', 'take down');
  await phone.click('details.retract[open] button');
  check(await down(phone) === 2, `not taken down: ${await states(phone)}`);
  check(await phone.locator('details.retract').count() === 1, 'the last one is still there to take down');
  console.log('two copies are down, by keyboard and without JavaScript');
});
