/** Something that is shown once: a key, a sign-in link. */
import { useState } from 'react';
import { useCopy } from '../copy/index.tsx';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { inputLook } from '../parts/field.tsx';
import { Check, Copy } from '../parts/icons.tsx';

interface SecretProps {
  readonly title: string;
  readonly body: string;
  readonly secret: string;
  readonly onClose: () => void;
}

export function Secret({ title, body, secret, onClose }: SecretProps) {
  const copy = useCopy();
  const [copied, setCopied] = useState(false);
  const Icon = copied ? Check : Copy;
  return (
    <Dialog open onClose={onClose} title={title}>
      <p className="mb-4 text-warn">{body}</p>
      <div className="flex gap-2">
        <input
          readOnly
          value={secret}
          aria-label={title}
          onFocus={(event) => event.target.select()}
          className={`${inputLook} font-mono`}
        />
        <Button
          look="primary"
          className="h-10"
          onClick={async () => {
            await navigator.clipboard.writeText(secret);
            setCopied(true);
          }}
        >
          <Icon size={16} aria-hidden="true" />
          {copied ? copy.common.copied : copy.common.copy}
        </Button>
      </div>
    </Dialog>
  );
}
