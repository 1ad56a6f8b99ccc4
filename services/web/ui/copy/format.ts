/** Figures, times and money in a reader's language. Pure. */

export type Language = 'en' | 'ko';

export interface Format {
  number(value: number): string;
  percent(share: number): string;
  /** Decimal units, as file managers show them: `59 MB`. */
  bytes(bytes: number): string;
  /** `12 s`, `4 min`, `2 h`: one unit, rounded up so that a promise of time is kept. */
  duration(ms: number): string;
  /** `4 hours ago`, `yesterday`. */
  ago(date: string | number, now?: number): string;
  /** `14:05`. */
  time(date: string | number): string;
  /** `3 Nov 2026`. */
  date(date: string | number): string;
  money(usd: number): string;
}

export function formatFor(language: Language): Format {
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
  const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const date = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : 'ko', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  });
  const money = new Intl.NumberFormat(language, {
    style: 'currency',
    currency: 'USD',
    currencyDisplay: 'narrowSymbol',
  });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const gap = language === 'en' ? ' ' : '';
  return {
    number: (value) => number.format(value),
    percent: (share) => percent.format(share),
    bytes: (bytes) => {
      const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
      const value = bytes / 1000 ** power;
      return `${number.format(value >= 10 ? Math.round(value) : value)}${gap}${['B', 'KB', 'MB', 'GB'][power]}`;
    },
    duration: (ms) => {
      const seconds = Math.max(1, Math.ceil(ms / 1000));
      const units = language === 'en' ? ['s', 'min', 'h'] : ['초', '분', '시간'];
      if (seconds < 60) return `${seconds}${gap}${units[0]}`;
      const minutes = Math.ceil(seconds / 60);
      if (minutes < 120) return `${minutes}${gap}${units[1]}`;
      return `${number.format(Math.ceil(minutes / 60))}${gap}${units[2]}`;
    },
    ago: (value, now = Date.now()) => {
      const seconds = (new Date(value).getTime() - now) / 1000;
      const steps = [
        ['day', 86_400],
        ['hour', 3600],
        ['minute', 60],
      ] as const;
      for (const [unit, size] of steps)
        if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
      return relative.format(0, 'second');
    },
    time: (value) => time.format(new Date(value)),
    date: (value) => date.format(new Date(value)),
    money: (usd) => money.format(usd),
  };
}

/** `17, 40-41`: runs of consecutive page numbers. */
export function pageRanges(pages: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const page of [...pages].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && page <= last[1] + 1) last[1] = page;
    else runs.push([page, page]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}
