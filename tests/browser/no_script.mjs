// Freeze and approve without JavaScript, on a phone.
import { check, run, told, windowOf } from './browser.mjs';

await run(async (browser) => {
  const options = { javaScriptEnabled: false, viewport: { width: 390, height: 844 } };
  const operator = await windowOf(browser, told.people.operator, options);
  await operator.goto('/console');
  await operator.click('a.freeze-link');
  await operator.click('button.freeze');
  check((await operator.innerText('main')).includes('SEALED'), 'the freeze is not sealed');
  const approver = await windowOf(browser, told.people.approver, options);
  await approver.goto('/console/approvals');
  await approver.click('ul.rows a.button');
  await approver.click('button[name="decision"][value="approve"]');
  check(/\/console\/(incidents|approvals)/.test(approver.url()), `not approved: ${approver.url()}`);
  await approver.goto('/console/approvals');
  check(await approver.locator('ul.rows a.button').count() === 0, 'it still waits');
  console.log('frozen and approved without JavaScript');
});
