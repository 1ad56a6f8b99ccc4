/** The page's words in the reader's language: `useCopy()`. The server chose the language and wrote it on the root. */
import { createContext, type ReactNode, use, useMemo, useState } from 'react';
import { type Copy, en } from './en.ts';
import { formatFor, type Language } from './format.ts';
import { ko } from './ko.ts';

export type { Copy, Language };

interface Words {
  readonly copy: Copy;
  readonly language: Language;
  readonly setLanguage: (language: Language) => void;
}

const Context = createContext<Words | null>(null);

export function CopyProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => (document.documentElement.lang === 'ko' ? 'ko' : 'en'));
  const words = useMemo<Words>(
    () => ({
      copy: copyFor(language),
      language,
      setLanguage: (chosen) => {
        rememberChoice('language', chosen);
        document.documentElement.lang = chosen;
        setLanguage(chosen);
      },
    }),
    [language],
  );
  return <Context value={words}>{children}</Context>;
}

export function copyFor(language: Language): Copy {
  return (language === 'ko' ? ko : en)(formatFor(language));
}

export function useCopy(): Copy {
  return useWords().copy;
}

export function useWords(): Words {
  const words = use(Context);
  if (!words) throw new Error('useWords needs a CopyProvider above it');
  return words;
}

/** A cookie, so that the server renders the next page in it. One year. */
export function rememberChoice(name: 'language' | 'theme', value: string): void {
  const age = value === '' ? 0 : 31_536_000;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari.
  document.cookie = `${name}=${value}; path=/; max-age=${age}; samesite=lax`;
}
