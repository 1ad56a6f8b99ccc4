/** The environment's own limits of a day, from its settings to where every tier counts against them. */
import { statedPriceUsd } from '../shared/ledger/known-prices.ts';
import type { Database } from '../shared/postgres/database.ts';
import type { ApiSettings } from './settings.ts';

/** @throws Error for what is no limit */
export function limitsOf(settings: ApiSettings) {
  const whole = (name: 'PAGES_PER_DAY_MAX' | 'QUESTIONS_PER_DAY_MAX' | 'TOKENS_PER_DAY_MAX') => {
    const given = settings[name];
    if (given !== '' && !/^\d{1,15}$/.test(given))
      throw new Error(`${name} is '${given}', allowed is a whole number from 0; empty: no limit.`);
    return given === '' ? null : Number(given);
  };
  return {
    pages_per_day_max: whole('PAGES_PER_DAY_MAX'),
    questions_per_day_max: whole('QUESTIONS_PER_DAY_MAX'),
    tokens_per_day_max: whole('TOKENS_PER_DAY_MAX'),
    usd_per_day_max: statedPriceUsd('USD_PER_DAY_MAX', settings.USD_PER_DAY_MAX, '50'),
  };
}

/** Once a process: a setting changes with a start. */
export function writeEnvironmentLimits(db: Database, limits: ReturnType<typeof limitsOf>): () => Promise<void> {
  let written = false;
  return async () => {
    if (!written) await db.updateTable('environment_limits').set(limits).execute();
    written = true;
  };
}
