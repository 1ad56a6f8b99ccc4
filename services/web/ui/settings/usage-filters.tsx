/** Of which brain, model or API key the use is shown: of those that used something. */
import { useQuery } from '@tanstack/react-query';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { everything, useBrains } from '../data/queries.ts';
import { inputLook } from '../parts/field.tsx';

const fields = ['brain', 'model', 'key'] as const;
/** As the query of `/v1/usage` names them. */
export type UsageFilter = Partial<Record<(typeof fields)[number], string>>;

interface UsageFiltersProps {
  readonly filter: UsageFilter;
  readonly onChange: (filter: UsageFilter) => void;
}

export function UsageFilters({ filter, onChange }: UsageFiltersProps) {
  const words = useCopy().settings.usage;
  const { data } = useQuery({
    queryKey: [...keys.usage, 'all'],
    queryFn: () => call('GET /v1/usage', { query: { by: 'brain,model,key' } }),
    staleTime: 0,
  });
  const { data: brains = [] } = useBrains();
  // Those who may not see the keys see what tells them apart.
  const { data: apiKeys = [] } = useQuery({
    queryKey: keys.apiKeys,
    queryFn: () => everything((query) => call('GET /v1/keys', { query })),
    staleTime: 0,
  });
  const rows = data?.data ?? [];
  const used = {
    brain: distinct(rows.map(({ brain_id }) => brain_id)),
    model: distinct(rows.map(({ model }) => model)),
    key: distinct(rows.map(({ api_key_id }) => api_key_id)),
  };
  const names = new Map([...brains, ...apiKeys].map(({ id, name }) => [id, name]));
  const shown = fields.filter((field) => used[field].length > 0);
  if (shown.length === 0) return null;
  return (
    <div className="mb-4 grid gap-4 sm:grid-cols-3">
      {shown.map((field) => (
        <label key={field} className="block">
          <span className="mb-1.5 block font-semibold">{words[field]}</span>
          <select
            value={filter[field] ?? ''}
            onChange={({ target: { value } }) => {
              const { [field]: _, ...others } = filter;
              onChange(value === '' ? others : { ...others, [field]: value });
            }}
            className={inputLook}
          >
            <option value="">{words.all}</option>
            {used[field].map((one) => (
              <option key={one} value={one}>
                {names.get(one) ?? one}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}

const distinct = (values: readonly (string | null)[]): string[] => [
  ...new Set(values.filter((value) => value !== null)),
];
