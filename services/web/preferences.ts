/** Theme and language of a visitor, known before the first byte of the page, so that nothing flashes. Pure. */

export interface Preferences {
  /** Null: as the system has it. */
  readonly theme: 'light' | 'dark' | null;
  readonly language: 'en' | 'ko';
}

/** Chosen in settings (cookies `theme`, `language`), else what the browser asks for, else English. */
export function preferences(cookie = '', acceptLanguage = ''): Preferences {
  const theme = /(?:^|;\s*)theme=(light|dark)(?:;|$)/.exec(cookie)?.[1] as Preferences['theme'] | undefined;
  const chosen = /(?:^|;\s*)language=(en|ko)(?:;|$)/.exec(cookie)?.[1] as Preferences['language'] | undefined;
  return { theme: theme ?? null, language: chosen ?? accepted(acceptLanguage) };
}

/** The first of our languages in the browser's order of preference. */
function accepted(header: string): Preferences['language'] {
  const wanted = header
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().toLowerCase().split(';');
      const weight = parameters.map((parameter) => /^\s*q=([\d.]+)/.exec(parameter)?.[1]).find(Boolean);
      return { language: tag.split('-')[0], weight: weight === undefined ? 1 : Number(weight) };
    })
    .filter(({ language, weight }) => weight > 0 && (language === 'en' || language === 'ko'))
    .sort((a, b) => b.weight - a.weight);
  return wanted[0]?.language === 'ko' ? 'ko' : 'en';
}
