/** The whole service as a person meets it: sign in by link, add a real PDF, ask, open the citation at its page. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type LocalDeployment, startDeployment } from '../../local/deployment.ts';
import { testWith } from '../support/skip.ts';
import { startTimeoutMs } from './deployment.ts';
import { lacksManuals, manualPdf } from './documents.ts';

const executablePath = '/usr/bin/chromium';
const test = testWith(existsSync(executablePath) ? lacksManuals : "Debian's chromium is not installed");
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Root in a container has no user namespace for Chromium's sandbox; the rest keeps it off networks that are not ours. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let deployment: LocalDeployment;
let folder: string;
let browser: Browser;
let page: Page;
/** What the browser refused or reported: a clean run has none. */
const complaints: string[] = [];

beforeAll(async () => {
  if (!existsSync(executablePath)) return;
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-browser-'));
  deployment = await startDeployment({ data: folder, port: 0, outer: { EMBEDDING_WEIGHTS: 'none' } });
  browser = await chromium.launch({ executablePath, args });
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'en-US' });
  // Ends before the test does, so that it says what it waited for.
  page.setDefaultTimeout(90_000);
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
}, startTimeoutMs);
afterAll(async () => {
  await browser?.close();
  await deployment?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
}, startTimeoutMs);

test('from the sign-in link to a marked passage on the cited page', async () => {
  await page.goto(deployment.signInUrl as string);
  await page.getByRole('button', { name: 'Sign in with the link' }).click();
  await page.getByRole('button', { name: 'Create your first brain' }).click();
  await page.getByText('Nothing here yet.').waitFor();
  await expectAccessible('an empty brain');

  await page.locator('input[type=file]').first().setInputFiles(manualPdf);
  await page.getByText(/Ready · 1\d\d pages/).waitFor();

  await page.getByRole('textbox').last().fill('How do I read data from a file with read.table()?');
  await page.keyboard.press('Enter');
  await page.getByText('Quoted from the documents. No language model is set up.').waitFor();
  await page.getByRole('heading', { name: '3 sources' }).waitFor();

  await page
    .getByRole('button', { name: /^Source 1: R-intro\.pdf, page \d+$/ })
    .first()
    .click();
  await page.waitForURL(/[?&]p=\d/);
  const cited = Number(new URL(page.url()).searchParams.get('p'));
  expect(cited).toBeGreaterThan(1);
  await page.getByRole('tab', { name: 'Text' }).click();
  const marked = page.locator('mark').first();
  await marked.waitFor();
  expect(((await marked.textContent()) ?? '').length).toBeGreaterThan(10);
  await page.getByRole('tab', { name: 'Page' }).click();
  await page.locator('canvas').first().waitFor();
  await expectAccessible('an answer with its cited page');

  // The server is the truth: a reload shows the same.
  await page.reload();
  await page.getByRole('heading', { name: '3 sources' }).waitFor();
  const ready = page.getByText(/Ready · 1\d\d pages/);
  await ready.first().waitFor();
  expect(await ready.count()).toBe(1);
  expect(complaints).toEqual([]);
}, 180_000);

async function expectAccessible(state: string): Promise<void> {
  // axe asks for inline script, which the page's CSP rightly refuses; the debugger is not bound by it.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe });
  const { result } = await session.send('Runtime.evaluate', {
    expression:
      'axe.run().then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, nodes[0].html])))',
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  expect([state, JSON.parse(result.value as string)]).toEqual([state, []]);
}
