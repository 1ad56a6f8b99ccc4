/** Every screen and state, in both themes and languages: no violation that axe-core finds, none of the policy. */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { builtPage, launch, openPage, browserTest as test, violations } from './browser.ts';
import { richState } from './fixture/rich.ts';
import { id } from './fixture/samples.ts';
import { plainScript, startFixture } from './fixture/server.ts';
import type { Script, State } from './fixture/state.ts';

interface Screen {
  readonly path: string;
  readonly state?: Partial<State>;
  readonly script?: Partial<Script>;
  /** Leads from the address to the state. */
  readonly reach?: (page: Page) => Promise<unknown>;
  readonly shows: RegExp;
}

const brain = `/b/${id(1)}`;
const conversation = `${brain}/c/${id(600)}`;
const source = `${conversation}?src=${id(17)}&p=2&cite=${id(7001)}.1&pane=source`;

const ask = async (page: Page) => {
  await page.locator('textarea').fill('What are the payment terms?');
  await page.keyboard.press('Enter');
};

const screens: Readonly<Record<string, Screen>> = {
  'sign-in': { path: '/sign-in', state: { signedIn: false }, shows: /^(?:Sign in|로그인)$/ },
  'sign-in refused': {
    path: '/sign-in',
    state: { signedIn: false },
    reach: async (page) => {
      await page.locator('[name=email]').fill('a@example.com');
      await page.locator('[name=password]').fill('wrong wrong');
      await page.keyboard.press('Enter');
    },
    shows: /Email or password is wrong\.|이메일 또는 비밀번호가 맞지 않습니다\./,
  },
  'first use': { path: '/brains', state: { brains: [] }, shows: /Create your first brain|첫 브레인 만들기/ },
  brains: { path: '/brains', shows: /Product manuals/ },
  'new brain': {
    path: '/brains',
    reach: (page) => page.getByRole('button', { name: /New brain|새 브레인/ }).click(),
    shows: /^(?:Create|만들기)$/,
  },
  'empty brain': {
    path: brain,
    state: { documents: [], conversations: [], turns: [] },
    shows: /Nothing here yet|아직 문서가 없습니다/,
  },
  'documents in every state, answers of every kind': {
    path: conversation,
    shows: /The answer was cut at the|길이 한도에서/,
  },
  'conversations, searched': {
    path: conversation,
    reach: async (page) => {
      await page.getByRole('button', { name: /^(?:Conversations|대화 목록)$/ }).click();
      await page.getByRole('menuitem', { name: /Find a conversation|대화 찾기/ }).click();
      await page.getByRole('searchbox').fill('nowhere');
    },
    shows: /No conversation holds this|이 말이 들어 있는/,
  },
  'source, text': { path: source, shows: /Marked passage|표시된 구절/ },
  'source, page': {
    path: source,
    reach: async (page) => {
      await page.getByRole('tab', { name: /^(?:Page|페이지)$/ }).click();
      await page.locator('[data-passage]').first().waitFor();
    },
    shows: /Marked passage|표시된 구절/,
  },
  'delete dialog': {
    path: `${brain}?pane=documents`,
    reach: async (page) => {
      await page
        .getByRole('button', { name: /contract\.pdf$/ })
        .last()
        .click();
      await page.getByRole('menuitem', { name: /Delete|삭제/ }).click();
    },
    shows: /removed for good|완전히 삭제됩니다/,
  },
  busy: {
    path: brain,
    script: { busy: 99, hintMs: 60_000 },
    reach: ask,
    shows: /Busy\. Trying again|지금 사용량이 많습니다/,
  },
  streaming: { path: brain, script: { holdAfter: 1 }, reach: ask, shows: /Either party may end/ },
  'quota used up': {
    path: brain,
    script: { refuse: { status: 429, body: { type: '', title: 'Quota', status: 429, code: 'quota' } } },
    reach: ask,
    shows: /Your limit is used up|사용 한도에 도달했습니다/,
  },
  appearance: { path: '/settings/appearance', shows: /^(?:Theme|테마)$/ },
  account: { path: '/settings/account', shows: /Change password|비밀번호 변경/ },
  members: { path: '/settings/members', shows: /Lee Seoyeon/ },
  'one-time link': {
    path: '/sign-in#token=one-time-link-token-0001',
    state: { signedIn: false },
    shows: /minjun@example.com/,
  },
  keys: { path: '/settings/keys', shows: /Nightly import/ },
  webhooks: { path: '/settings/webhooks', shows: /erp\.hanbit\.example/ },
  limits: { path: '/settings/tenant', shows: /Last 30 days|최근 30일/ },
  operations: { path: '/settings/operations', shows: /Web, embedding|web, embedding/ },
  tenants: { path: '/settings/tenants', shows: /19,800/ },
  'no such page': { path: '/nowhere', shows: /There is nothing at this address|이 주소에는/ },
};

describe('screens', () => {
  let browser: Browser;
  beforeAll(async () => {
    await builtPage();
    browser = await launch();
  });
  afterAll(() => browser?.close());

  // Structure does not depend on the theme, nor contrast on the language: two combinations cover both of each.
  for (const look of [
    { theme: 'light', language: 'en' },
    { theme: 'dark', language: 'ko' },
    { theme: 'light', language: 'ko', width: 320, height: 640, touch: true },
  ] as const)
    test(`have no violations: ${Object.values(look).join(' ')}`, async () => {
      const found: string[] = [];
      const rich = await richState();
      const fixture = await startFixture();
      const { page, faults, close } = await openPage(browser, look);
      try {
        for (const [name, screen] of Object.entries(screens)) {
          Object.assign(fixture.state, structuredClone(rich), { signedIn: true }, screen.state, {
            script: { ...plainScript, ...screen.script },
          });
          await page.goto(`${fixture.url}${screen.path}`);
          await page.locator('h1').first().waitFor();
          await screen.reach?.(page);
          await page.getByText(screen.shows).first().waitFor({ state: 'attached' });
          found.push(...(await violations(page)).map((violation) => `${name}: ${violation}`));
          const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (sideways > 0) found.push(`${name}: scrolls sideways by ${sideways} px`);
          fixture.release();
        }
      } finally {
        await close();
        await fixture.close();
      }
      expect(found).toEqual([]);
      expect(faults).toEqual([]);
    });
});
