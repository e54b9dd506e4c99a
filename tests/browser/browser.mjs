// What the browser tests share: a Chromium, people who sign in, and what every page must satisfy.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const home = join(process.env.PEER_HOME, 'browser');
const require = createRequire(join(home, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What the test that started us tells: where the console is, and who can sign in. */
export const told = JSON.parse(readFileSync(process.argv[2], 'utf8'));

/** The browser. Nothing of it talks to anybody but the console. */
export async function launch() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

/** The code that an authenticator shows for the secret (RFC 6238), `ahead` steps from now. */
export function totp(secret, ahead = 0) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead));
  const hash = createHmac('sha1', key).update(counter).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}

/** All windows, and what they were refused: told when a story fails. */
const opened = [];

/** A window of that person, signed in with the cookie that the test made. */
export async function windowOf(browser, person, options = {}) {
  const context = await browser.newContext({ baseURL: told.base, locale: 'en-GB', ...options });
  if (person) {
    await context.addCookies([{ name: 'holdline', value: person.cookie, url: told.base, httpOnly: true, sameSite: 'Lax' }]);
  }
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) page.complaints.push(`console: ${m.text()}`); });
  page.on('pageerror', (e) => page.complaints.push(`script: ${e.message}`));
  const refused = [];
  page.on('response', (r) => { if (r.status() >= 400) refused.push(`${r.status()} ${r.url()}`); });
  page.on('requestfailed', (r) => refused.push(`${r.failure()?.errorText} ${r.url()}`));
  opened.push({ page, refused });
  return page;
}

/** What axe finds on the page, one line each. */
export async function axeFindings(page) {
  await page.evaluate(axe);
  return axeBy(page, ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']);
}

/** What it finds of colours, on a page that it was run on before. */
export function axeColours(page) {
  return axeBy(page, { type: 'rule', values: ['color-contrast', 'link-in-text-block'] });
}

async function axeBy(page, runOnly) {
  const result = await page.evaluate((only) => axe.run(document, { runOnly: only }), runOnly);
  return result.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join('; ')})`);
}

/** Whether the page is wider than the window: a phone would scroll sideways. */
export function isTooWide(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1);
}

export function check(condition, words) {
  if (!condition) throw new Error(words);
}

/** Goes on with Tab until the focus is on what the selector names. */
export async function tabTo(page, selector) {
  for (let n = 0; n < 120; n += 1) {
    if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) {
      // What has the focus is seen, and not under the strip.
      const hidden = await page.evaluate(() => {
        const box = document.activeElement.getBoundingClientRect();
        const strip = document.getElementById('strip')?.getBoundingClientRect();
        return document.activeElement.closest('#strip') === null && strip && box.bottom < strip.bottom && box.bottom > 0;
      });
      check(!hidden, `${selector} is under the strip`);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never reaches ${selector}`);
}

/** Runs a story and ends with its result. */
export async function run(story) {
  const browser = await launch();
  try {
    await story(browser);
  } catch (e) {
    console.error(e.stack ?? e);
    for (const { page, refused } of opened) console.error(page.url(), page.complaints, refused);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
