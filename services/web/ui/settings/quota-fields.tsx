/** Limits of a day, as a tenant and an API key have them; empty is no limit. */
import type { ApiKey } from '../../../shared/contract/people.ts';
import { useCopy } from '../copy/index.tsx';
import { Field } from '../parts/field.tsx';

type DayQuotas = ApiKey['quotas'];

export function DayQuotaFields({ quotas }: { quotas?: DayQuotas | undefined }) {
  const words = useCopy().settings;
  return (
    <>
      <AmountField label={words.pagesField} name="pages_per_day_max" value={quotas?.pages_per_day_max} />
      <AmountField label={words.questionsField} name="questions_per_day_max" value={quotas?.questions_per_day_max} />
      <AmountField label={words.tokensField} name="tokens_per_day_max" value={quotas?.tokens_per_day_max} />
      <AmountField label={words.usdField} name="usd_per_day_max" value={quotas?.usd_per_day_max} step="any" />
    </>
  );
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

export function readDayQuotas(form: FormData): DayQuotas {
  return {
    pages_per_day_max: readNumber(form, 'pages_per_day_max'),
    questions_per_day_max: readNumber(form, 'questions_per_day_max'),
    tokens_per_day_max: readNumber(form, 'tokens_per_day_max'),
    usd_per_day_max: readAmount(form, 'usd_per_day_max'),
  };
}

/** Empty is no limit. */
export function readAmount(form: FormData, name: string): number | null {
  const given = String(form.get(name) ?? '').trim();
  return given === '' ? null : Number(given);
}

/** Empty is no limit; a whole number of what it is sent in. */
export function readNumber(form: FormData, name: string, unit = 1): number | null {
  const given = readAmount(form, name);
  return given === null ? null : Math.round(given * unit);
}
