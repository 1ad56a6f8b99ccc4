/** Limits of a day, as a tenant and an API key have them; empty is no limit. */
import type { ApiKey } from '../../../shared/contract/people.ts';
import { useCopy } from '../copy/index.tsx';
import { Field, textOf } from '../parts/field.tsx';

type DayQuotas = ApiKey['quotas'];

const dayQuotas = [
  { name: 'pages_per_day_max', label: 'pagesField', show: 'numberOf', step: 1 },
  { name: 'questions_per_day_max', label: 'questionsField', show: 'numberOf', step: 1 },
  { name: 'tokens_per_day_max', label: 'tokensField', show: 'numberOf', step: 1 },
  { name: 'usd_per_day_max', label: 'usdField', show: 'moneyOf', step: 'any' },
] as const;

export function DayQuotaFields({ quotas }: { quotas?: DayQuotas | undefined }) {
  const words = useCopy().settings;
  return dayQuotas.map(({ name, label, step }) => (
    <AmountField key={name} label={words[label]} name={name} value={quotas?.[name]} step={step} />
  ));
}

/** Those that are limited, in one line. */
export function DayQuotaText({ quotas }: { quotas: DayQuotas }) {
  const words = useCopy().settings;
  const said = dayQuotas.flatMap(({ name, label, show }) => {
    const max = quotas[name];
    return max === null ? [] : [`${words[label]}: ${words.quota[show](max)}`];
  });
  return said.length > 0 && <p className="text-xs text-muted">{said.join(' · ')}</p>;
}

interface AmountFieldProps {
  readonly label: string;
  readonly name: string;
  readonly value: number | null | undefined;
  readonly step?: number | 'any';
}

export function AmountField({ label, name, value, step = 1 }: AmountFieldProps) {
  return <Field label={label} name={name} type="number" min={0} step={step} defaultValue={value ?? ''} />;
}

export const readDayQuotas = (form: FormData): DayQuotas =>
  Object.fromEntries(
    dayQuotas.map(({ name, step }) => [name, step === 1 ? readNumber(form, name) : readAmount(form, name)]),
  ) as DayQuotas;

/** Empty is no limit. */
export function readAmount(form: FormData, name: string): number | null {
  const given = textOf(form, name).trim();
  return given === '' ? null : Number(given);
}

/** Empty is no limit; a whole number of what it is sent in. */
export function readNumber(form: FormData, name: string, unit = 1): number | null {
  const given = readAmount(form, name);
  return given === null ? null : Math.round(given * unit);
}
