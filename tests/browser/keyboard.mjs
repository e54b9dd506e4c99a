// The main flow by keyboard alone: nothing is clicked.
import { run, tabTo, told, windowOf } from './browser.mjs';

await run(async (browser) => {
  const operator = await windowOf(browser, told.people.operator);
  await operator.goto('/console');
  await operator.keyboard.press('g');
  await operator.keyboard.press('f');
  await operator.waitForSelector('button.freeze');
  await operator.keyboard.press('Enter');
  await operator.waitForSelector('text=SEALED');
  await tabTo(operator, 'button.choice[value="outage"]');
  await operator.keyboard.press('Enter');
  await operator.waitForURL(/\/console\/compose/);
  for (const [name, words] of [
    ['title-en', 'Card payments fail'],
    ['text-en', 'Card payments fail at the moment. Your money is safe.'],
    ['title-fr', 'Les paiements échouent'],
    ['text-fr', 'Les paiements par carte échouent en ce moment. Votre argent est en sécurité.'],
  ]) {
    await tabTo(operator, `[name="${name}"]`);
    await operator.keyboard.press('Control+A');
    await operator.keyboard.type(words);
  }
  await tabTo(operator, 'button[name="do"][value="submit"]');
  await operator.keyboard.press('Enter');
  await operator.waitForURL(/\/console\/(incidents|posts)\//);
  const approver = await windowOf(browser, told.people.approver);
  await approver.goto('/console/approvals');
  await tabTo(approver, 'ul.rows a.button');
  await approver.keyboard.press('Enter');
  await approver.waitForSelector('button[name="decision"]');
  await tabTo(approver, 'button[name="decision"][value="approve"]');
  await approver.keyboard.press('Enter');
  await approver.waitForURL(/\/console\/incidents\//);
  console.log('the main flow by keyboard alone');
});
