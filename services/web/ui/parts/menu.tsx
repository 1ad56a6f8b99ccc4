/** A menu behind a button. */
import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';

export interface MenuItem {
  readonly label: string;
  readonly onSelect: () => void;
  readonly icon?: ReactNode;
  readonly danger?: boolean;
  readonly current?: boolean;
}

interface MenuProps {
  /** The button that opens it; carries its own name. */
  readonly trigger: ReactNode;
  /** Groups, parted by a line. */
  readonly groups: readonly (readonly MenuItem[])[];
  readonly heading?: ReactNode;
  readonly align?: 'start' | 'end';
}

export function Menu({ trigger, groups, heading, align = 'end' }: MenuProps) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className="scroll-quiet z-50 max-h-[min(420px,80dvh)] max-w-[min(360px,calc(100vw-16px))] min-w-48 overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-menu"
        >
          {heading && <DropdownMenu.Label className="px-2.5 py-2 text-xs text-muted">{heading}</DropdownMenu.Label>}
          {groups
            .filter((group) => group.length > 0)
            .map((group, index) => (
              <DropdownMenu.Group key={group[0]?.label}>
                {index > 0 && <DropdownMenu.Separator className="my-1 h-px bg-line" />}
                {group.map(({ label, onSelect, icon, danger, current }) => (
                  <DropdownMenu.Item
                    key={label}
                    onSelect={onSelect}
                    aria-current={current || undefined}
                    className={`flex min-h-8 cursor-pointer items-center gap-2.5 rounded-md px-2.5 py-1.5 outline-none data-highlighted:bg-accent-soft pointer-coarse:min-h-11 ${danger ? 'text-bad' : ''} ${current ? 'font-semibold' : ''}`}
                  >
                    {icon}
                    <span dir="auto" className="line-clamp-2">
                      {label}
                    </span>
                  </DropdownMenu.Item>
                ))}
              </DropdownMenu.Group>
            ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
