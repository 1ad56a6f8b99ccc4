/** A page of its own before each test, on a service of its own; after it: nothing was blocked and nothing broke. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { builtPage, type Look, launch, openPage, type Watched } from './browser.ts';
import { richState } from './fixture/rich.ts';
import { startFixture } from './fixture/server.ts';
import type { Fixture } from './fixture/state.ts';

export interface EachPage {
  readonly page: Page;
  /** What answers the page. */
  readonly fixture: Fixture;
  /** The same service in a page that looks otherwise, in place of this one. */
  reopened(look: Look): Promise<Page>;
}

/** For a `describe`. @param opened runs before each of its tests */
export function eachPage(opened: (each: EachPage) => void): void {
  let browser: Browser;
  let fixture: Fixture;
  let watched: Watched;
  beforeAll(async () => {
    await builtPage();
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    if (!browser) return;
    fixture = await startFixture(await richState());
    watched = await openPage(browser);
    const reopened = async (look: Look) => {
      await watched.close();
      watched = await openPage(browser, look);
      return watched.page;
    };
    opened({ page: watched.page, fixture, reopened });
  });
  afterEach(async () => {
    if (!browser) return;
    await watched.close();
    await fixture.close();
    expect(watched.faults).toEqual([]);
  });
}
