// A post is dragged to another day: the form opens with that day and the same time, and moves it.
import { check, run, told, windowOf } from './browser.mjs';

await run(async (browser) => {
  const page = await windowOf(browser, told.people.operator);
  await page.goto(`/console/calendar?view=week&at=${told.from}`);
  const slot = page.locator(`li[data-day="${told.from}"] .slot`, { hasText: told.words });
  const time = await slot.locator('time').innerText();
  await slot.dragTo(page.locator(`li[data-day="${told.to}"]`));
  await page.waitForURL(/\/move\?on=/);
  check(await page.inputValue('[name="at"]') === `${told.to}T${time}`, 'the form has another time');
  await page.click('form[action$="/move"] button.primary');
  await page.waitForURL(/\/console\/posts\/[^/]+$/);
  await page.goto(`/console/calendar?view=week&at=${told.from}`);
  await page.waitForSelector(`li[data-day="${told.to}"] .slot:has-text("${told.words}")`);
  console.log('dragged, asked and moved');
});
