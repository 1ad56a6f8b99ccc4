/** Buttons in four weights. Targets are at least 28 px, 44 px on touch. */
import type { ComponentProps } from 'react';

export interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: 'primary' | 'plain' | 'quiet' | 'danger';
  readonly size?: 'md' | 'sm' | 'icon';
}

export function Button({ look = 'plain', size = 'md', className = '', type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={`${base} ${looks[look]} ${sizes[size]} ${className}`} {...rest} />;
}

const base =
  'inline-flex shrink-0 items-center justify-center gap-2 rounded-md font-semibold whitespace-nowrap select-none transition-colors disabled:opacity-50';

const looks = {
  primary: 'bg-accent text-on-accent hover:brightness-110 active:brightness-95',
  plain: 'border border-control bg-bg text-text hover:bg-surface',
  quiet: 'text-muted hover:bg-surface hover:text-text aria-expanded:bg-surface',
  danger: 'border border-bad bg-bg text-bad hover:bg-surface',
};

const sizes = {
  md: 'h-9 px-4 text-sm pointer-coarse:h-11',
  sm: 'h-7 px-2.5 text-xs pointer-coarse:h-11 pointer-coarse:px-3.5',
  icon: 'size-8 pointer-coarse:size-11',
};
