/** Dialogs: one with a form inside, one that asks before something is lost. */
import { AlertDialog as AlertParts, Dialog as DialogParts } from 'radix-ui';
import type { ReactNode } from 'react';
import { useCopy } from '../copy/index.tsx';
import { Button } from './button.tsx';
import { X } from './icons.tsx';

interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
}

export function Dialog({ open, onClose, title, children }: DialogProps) {
  const copy = useCopy();
  return (
    <DialogParts.Root open={open} onOpenChange={(next) => next || onClose()}>
      <DialogParts.Portal>
        <DialogParts.Overlay className={overlay} />
        <DialogParts.Content className={panel} aria-describedby={undefined}>
          <div className="mb-4 flex items-start justify-between gap-4">
            <DialogParts.Title className="text-lg font-semibold">{title}</DialogParts.Title>
            <DialogParts.Close asChild>
              <Button look="quiet" size="icon" aria-label={copy.common.close} className="-mt-1 -mr-2">
                <X size={18} aria-hidden="true" />
              </Button>
            </DialogParts.Close>
          </div>
          {children}
        </DialogParts.Content>
      </DialogParts.Portal>
    </DialogParts.Root>
  );
}

interface ConfirmProps {
  readonly open: boolean;
  readonly title: string;
  readonly body: string;
  readonly action: string;
  /** @default 'danger' */
  readonly look?: 'danger' | 'primary';
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

export function Confirm({ open, title, body, action, look = 'danger', onConfirm, onClose }: ConfirmProps) {
  const copy = useCopy();
  return (
    <AlertParts.Root open={open} onOpenChange={(next) => next || onClose()}>
      <AlertParts.Portal>
        <AlertParts.Overlay className={overlay} />
        <AlertParts.Content className={panel}>
          <AlertParts.Title className="mb-2 text-lg font-semibold">{title}</AlertParts.Title>
          <AlertParts.Description className="mb-6 text-muted">{body}</AlertParts.Description>
          <div className="flex flex-wrap justify-end gap-2">
            <AlertParts.Cancel asChild>
              <Button>{copy.common.cancel}</Button>
            </AlertParts.Cancel>
            <AlertParts.Action asChild>
              <Button look={look} onClick={onConfirm}>
                {action}
              </Button>
            </AlertParts.Action>
          </div>
        </AlertParts.Content>
      </AlertParts.Portal>
    </AlertParts.Root>
  );
}

const overlay = 'fixed inset-0 z-40 bg-shade';
const panel =
  'fixed top-1/2 left-1/2 z-50 max-h-[90dvh] w-[min(480px,calc(100vw-32px))] -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-lg border border-line bg-raised p-6 shadow-menu';
