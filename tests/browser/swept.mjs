// What was held inside a network: one post is put back for another time, and one is dropped, on a phone.
import { check, run, told, windowOf } from './browser.mjs';

await run(async (browser) => {
  const page = await windowOf(browser, told.people.operator, { viewport: { width: 390, height: 844 } });
  await page.goto('/console/held');
  await page.click('a[href="/console/swept"]');
  const ticks = page.locator('li.waiting');
  check(await ticks.count() === 2, 'two posts wait');
  await ticks.filter({ hasText: 'Spring sale' }).locator('input[name="post"]').check();
  const due = new Date(await page.getAttribute('li.waiting time', 'datetime'));
  due.setUTCDate(due.getUTCDate() + 7);
  await page.fill('input[name="at"]', due.toISOString().slice(0, 16));
  await page.click('button[value="restore"]');
  await page.waitForSelector('.done-well');
  check(await ticks.count() === 1, 'one post waits');
  await ticks.filter({ hasText: 'Autumn sale' }).locator('input[name="post"]').check();
  await page.click('form#restore details > summary');
  await page.fill('details[open] input[name="word"]', 'no');
  await page.click('button[value="drop"]');
  await page.waitForSelector('#wrong-word');
  check(await page.isChecked('li.waiting input[name="post"]'), 'the tick is lost');
  await page.fill('details[open] input[name="word"]', 'drop');
  await page.click('button[value="drop"]');
  await page.waitForSelector('.done-well');
  check(await ticks.count() === 0, 'nothing waits any more');
  // The sender carries both out; then nothing is under way any more.
  for (let n = 0; await page.locator('#live li').count() > 0; n += 1) {
    check(n < 60, `still under way: ${await page.locator('#live').innerText()}`);
    await page.waitForTimeout(1000);
    await page.goto('/console/swept');
  }
  console.log('one is put back, and one is dropped');
});
