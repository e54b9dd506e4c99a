// A channel is connected by granting access at its network; and a post that nobody here sent becomes an incident.
import { check, run, told, windowOf } from './browser.mjs';

await run(async (browser) => {
  const boss = await windowOf(browser, told.people.administrator);
  await boss.goto('/console/settings/channels');
  await boss.click('a[href="/console/settings/channels/new?adapter=x"]');
  await boss.fill('input[name="name"]', 'Our X');
  await boss.fill('input[name="settings.server"]', told.server);
  await boss.click('button[name="grant"]');
  const link = new URL(await boss.getAttribute('a.button.primary', 'href'));
  check(link.origin === told.network && link.pathname === '/authorize', `the way leads elsewhere: ${link}`);
  // The network sends the browser back.
  const back = new URL(link.searchParams.get('redirect_uri'));
  const state = link.searchParams.get('state');
  await boss.goto(`${back.pathname}?code=planted-code&state=${state}`);
  await boss.waitForURL(/\?tested=yes$/);
  check(await boss.locator('h1').innerText() === 'Our X', 'it does not lead to the channel');
  check(!(await boss.content()).includes('planted-'), 'a secret is on the page');

  const operator = await windowOf(browser, told.people.operator);
  await operator.goto('/console/settings/readiness');
  await operator.click('main p a[href="/console/settings/watch"]');
  check(await operator.locator('ul.rows .state.bad').count() === 1, 'one post is foreign');
  await operator.click('a[href^="/console/incidents/open?signal="]');
  check((await operator.content()).includes('A post on @bank that nobody here sent'), 'the form has not the alarm');
  const title = operator.locator('input[name="title"]');
  if (await title.inputValue() === '') await title.fill('Our account is taken');
  await Promise.all([operator.waitForURL(/[?&]incident=/), operator.locator('main form button.primary').first().click()]);
  // On the way to its first words.
  const room = `/console/incidents/${new URL(operator.url()).searchParams.get('incident')}`;
  await operator.goto('/console/settings/watch');
  await operator.click(`main a[href="${room}"]`);
  await operator.waitForURL(`**${room}`);
  console.log('a channel is connected, and an alarm is an incident');
});
