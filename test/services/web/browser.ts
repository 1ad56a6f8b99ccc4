/** Debian's Chromium for tests: pages that remember what the policy blocked and what broke, and the axe checker. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { testWith } from '../../support/skip.ts';

const executable = '/usr/bin/chromium';
export const browserTest = testWith(existsSync(executable) ? null : `no ${executable}: apt-get install chromium`);

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: executable,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Builds the page if need be. In a process of its own: Tailwind's loader hooks do not work inside jest. */
export async function builtPage(): Promise<void> {
  await promisify(execFile)(process.execPath, ['services/web/build.ts']);
}

export interface Look {
  readonly theme?: 'light' | 'dark';
  readonly language?: 'en' | 'ko';
  readonly width?: number;
  readonly height?: number;
  readonly touch?: boolean;
}

export interface Watched {
  readonly page: Page;
  /** What the policy blocked and what broke; a good page leaves it empty. */
  readonly faults: string[];
  close(): Promise<void>;
}

/** A page of its own, without the cookies and storage of others. */
export async function openPage(browser: Browser, look: Look = {}): Promise<Watched> {
  const { theme = 'light', language = 'en', width = 1440, height = 900, touch = false } = look;
  const context = await browser.newContext({
    colorScheme: theme,
    locale: language === 'ko' ? 'ko-KR' : 'en-US',
    viewport: { width, height },
    hasTouch: touch,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  // Ends before the test does, so that it says what it waited for; container builds may run on the same two cores.
  page.setDefaultTimeout(90_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|violates/.test(message.text())) faults.push(message.text());
  });
  return { page, faults, close: () => context.close() };
}

/** WCAG 2.2 AA and best practice, as axe-core sees them: one line per rule and place. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(await axeSource);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<{ violations: Violation[] }> } };
    interface Violation {
      id: string;
      help: string;
      nodes: { target: string[]; failureSummary: string }[];
    }
    const { violations: found } = await axe.run({ resultTypes: ['violations'] });
    return found.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
    );
  });
}

const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
