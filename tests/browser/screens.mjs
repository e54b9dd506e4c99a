// Every screen, in both languages and themes, on a desk or on a phone: no accessibility findings, no
// complaints of the browser, nothing wider than the window. Some are answers to a form, which is sent first.
// A value of such a form can be another one than the page has: it has changed since.
// What can be sent once only has a page of its own for each language.
// English pages are loaded light, and French ones dark. The other theme is put on the same page: it has other colours and
// nothing else, so only these are looked at again.
// With SHOTS=folder it keeps the pictures.
import { axeColours, axeFindings, check, isTooWide, run, told, windowOf } from './browser.mjs';

const sizes = { desk: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };

await run(async (browser) => {
  const { size } = told;
  const viewport = sizes[size];
  const findings = [];
  const table = {};
  let looked = 0;
  for (const [pass, language] of ['en', 'fr'].entries()) {
    const themes = language === 'en' ? ['light', 'dark'] : ['dark', 'light'];
    const options = { locale: language === 'en' ? 'en-GB' : 'fr-FR', colorScheme: themes[0], viewport };
    const windows = {};
    for (const [name, screen] of Object.entries(told.screens)) {
      const who = screen.as ?? 'nobody';
      windows[who] ??= await windowOf(browser, told.people[who], options);
      const page = windows[who];
      page.complaints.length = 0;
      await page.emulateMedia({ colorScheme: themes[0], reducedMotion: null });
      let answer = await page.goto(screen.paths?.[pass] ?? screen.path, { waitUntil: 'load' });
      if (screen.click) {
        if (screen.open) await page.click(screen.open);
        for (const [field, words] of Object.entries(screen.type ?? {})) await page.fill(field, words[language]);
        for (const [field, value] of Object.entries(screen.set ?? {})) await page.$eval(field, (e, v) => { e.value = v; }, value);
        [answer] = await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(screen.click)]);
      }
      const at = `${name} ${language} ${size}`;
      if (answer.status() !== (screen.status ?? 200)) findings.push(`${at}: status ${answer.status()}`);
      if (await page.getAttribute('html', 'lang') !== language) findings.push(`${at}: another language`);
      if (await isTooWide(page)) findings.push(`${at}: wider than the window`);
      for (const [n, theme] of themes.entries()) {
        // What fades to its colour is at it at once.
        if (n > 0) await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
        const found = await (n === 0 ? axeFindings(page) : axeColours(page));
        table[name] = (table[name] ?? 0) + found.length;
        findings.push(...found.map((f) => `${at} ${theme}: ${f}`));
        if (process.env.SHOTS) {
          await page.screenshot({ path: `${process.env.SHOTS}/${name}-${language}-${theme}-${size}.png`, fullPage: true });
        }
        looked += 1;
      }
      const expected = screen.status ? /Failed to load resource/ : /^$/;
      findings.push(...page.complaints.filter((c) => !expected.test(c)).map((c) => `${at}: ${c}`));
    }
    for (const page of Object.values(windows)) await page.context().close();
  }
  console.log(`looked at ${looked} pages; axe findings by screen: ${JSON.stringify(table)}`);
  check(findings.length === 0, findings.join('\n'));
});
