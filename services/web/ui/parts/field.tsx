/** A labelled input, and the looks that other controls share. */
import { type ComponentProps, useId } from 'react';

interface FieldProps extends ComponentProps<'input'> {
  readonly label: string;
  readonly help?: string;
}

export function Field({ label, help, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1.5 block font-semibold">
        {label}
      </label>
      <input id={id} dir="auto" className={inputLook} aria-describedby={help ? `${id}-help` : undefined} {...rest} />
      {help && (
        <p id={`${id}-help`} className="mt-1.5 text-xs text-muted">
          {help}
        </p>
      )}
    </div>
  );
}

/** 16 px on touch, or iOS zooms in. */
export const inputLook =
  'block h-10 w-full rounded-md border border-control bg-bg px-3 text-sm pointer-coarse:h-11 pointer-coarse:text-base';

/** What stands in a field of a form; empty: there is none of that name. */
export const textOf = (form: FormData, name: string): string => String(form.get(name) ?? '');
