/** Which model answers for a brain, chosen in the page, in both languages. */
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test } from './browser.ts';
import { type EachPage, eachPage } from './each-page.ts';
import type { Fixture } from './fixture/state.ts';

describe('settings of a brain', () => {
  let page: Page;
  let fixture: Fixture;
  let reopened: EachPage['reopened'];
  eachPage((each) => {
    ({ page, fixture, reopened } = each);
  });

  const contracts = () => fixture.state.brains.find(({ name }) => name === 'Contracts');
  const openSettings = async () => {
    await page.getByRole('button', { name: /(Actions for|작업:) ?Contracts/ }).click();
    await page.getByRole('menuitem', { name: /^(Settings|설정)$/ }).click();
    await page.getByRole('dialog').waitFor();
  };
  const save = () => page.getByRole('button', { name: /^(Save|저장)$/ }).click();
  const closed = () => page.getByRole('dialog').waitFor({ state: 'detached' });

  test('the models of the environment are offered with their price, and the choice is kept', async () => {
    await page.goto(fixture.url);
    await openSettings();
    const select = page.getByLabel('Answers by');
    await select.waitFor();
    expect(await select.locator('option').allTextContents()).toEqual([
      'The default (gpt-5-mini)',
      'gpt-5-mini · $0.25 in, $2.00 out per million tokens',
      'qwen3 · price unknown',
      'No model: passages are quoted',
    ]);
    await select.selectOption('qwen3');
    await page.getByLabel('Instructions for every answer').fill('Answer like a lawyer.');
    await save();
    await closed();
    expect(contracts()).toMatchObject({ model: 'qwen3', instructions: 'Answer like a lawyer.' });
    await page.reload();
    await openSettings();
    expect(await page.getByLabel('Answers by').inputValue()).toBe('qwen3');
    await page.getByLabel('Answers by').selectOption('');
    await save();
    await closed();
    expect(contracts()).toMatchObject({ model: null, instructions: 'Answer like a lawyer.' });
  });

  test('a model that is not allowed any more is named as such', async () => {
    Object.assign(contracts() ?? {}, { model: 'retired' });
    await page.goto(fixture.url);
    await openSettings();
    const select = page.getByLabel('Answers by');
    expect(await select.locator('option:checked').textContent()).toBe('retired · not available any more');
  });

  test('without a model there is nothing to choose', async () => {
    fixture.state.models = fixture.state.models.filter(({ kind }) => kind === 'extractive');
    await page.goto(fixture.url);
    await openSettings();
    await page.getByLabel('Name').fill('Agreements');
    expect(await page.getByLabel('Answers by').count()).toBe(0);
    await save();
    await closed();
    expect(fixture.state.brains.map(({ name, instructions }) => [name, instructions])).toContainEqual([
      'Agreements',
      '',
    ]);
  });

  test('Korean', async () => {
    page = await reopened({ language: 'ko' });
    await page.goto(fixture.url);
    await openSettings();
    const select = page.getByLabel('답변 방식');
    await select.waitFor();
    expect(await select.locator('option').allTextContents()).toEqual([
      '기본값 (gpt-5-mini)',
      'gpt-5-mini · 토큰 100만 개당 입력 $0.25, 출력 $2.00',
      'qwen3 · 가격 알 수 없음',
      '모델 없음: 문서 구절 인용',
    ]);
  });
});
