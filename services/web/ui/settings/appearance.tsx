/** Language and theme: both take effect at once and are remembered in cookies, so that the server renders with them. */
import { useState } from 'react';
import { type Language, rememberChoice, useWords } from '../copy/index.tsx';

const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

export function Appearance() {
  const { copy, language, setLanguage } = useWords();
  const root = document.documentElement;
  const [theme, setTheme] = useState<Theme>(
    root.classList.contains('dark') ? 'dark' : root.classList.contains('light') ? 'light' : 'system',
  );
  const choose = (next: Theme) => {
    setTheme(next);
    rememberChoice('theme', next === 'system' ? '' : next);
    root.classList.remove('light', 'dark');
    if (next !== 'system') root.classList.add(next);
  };
  return (
    <div className="flex flex-col gap-8">
      <Choice
        legend={copy.settings.language}
        name="language"
        value={language}
        options={[
          ['en', 'English'],
          ['ko', '한국어'],
        ]}
        onChoose={(next) => setLanguage(next as Language)}
      />
      <Choice
        legend={copy.settings.theme}
        name="theme"
        value={theme}
        options={themes.map((name) => [name, copy.settings.themes[name]])}
        onChoose={(next) => choose(next as Theme)}
      />
    </div>
  );
}

interface ChoiceProps {
  readonly legend: string;
  readonly name: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, label: string])[];
  readonly onChoose: (value: string) => void;
}

function Choice({ legend, name, value, options, onChoose }: ChoiceProps) {
  return (
    <fieldset>
      <legend className="mb-2 font-semibold">{legend}</legend>
      <div className="flex flex-wrap gap-2">
        {options.map(([option, label]) => (
          <label
            key={option}
            lang={name === 'language' ? option : undefined}
            className="flex min-h-10 cursor-pointer items-center gap-2.5 rounded-md border border-control px-4 has-checked:border-accent has-checked:bg-accent-soft has-checked:font-semibold pointer-coarse:min-h-11"
          >
            <input
              type="radio"
              name={name}
              value={option}
              checked={value === option}
              onChange={() => onChoose(option)}
              className="size-4 accent-accent"
            />
            {label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
