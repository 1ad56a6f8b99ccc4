/** A file on its way, or one that did not get through. Failures stay until a person removes them. */
import { useCopy } from '../copy/index.tsx';
import type { Upload, Uploads } from '../data/uploads.ts';
import { Button } from '../parts/button.tsx';
import { failureReason, type Limits } from './document-state.ts';
import { Row } from './row.tsx';

interface UploadRowProps {
  readonly upload: Upload;
  readonly limits: Limits;
  readonly queue: Uploads;
  readonly onOpen: (document: string) => void;
}

export function UploadRow({ upload: { id, file, state }, limits, queue, onOpen }: UploadRowProps) {
  const copy = useCopy();
  const words = copy.documents;
  const button = (label: string, act: () => void) => (
    <Button size="sm" onClick={act} aria-label={`${label}: ${file.name}`}>
      {label}
    </Button>
  );
  const remove = button(copy.common.remove, () => queue.remove(id));
  const cancel = () => queue.remove(id);
  switch (state.kind) {
    case 'waiting':
      return <Row name={file.name} tone="wait" text={words.uploadWaiting} onCancel={cancel} />;
    case 'uploading': {
      const text = words.uploading(state.share, state.leftMs);
      return (
        <Row name={file.name} tone="busy" text={text} bar={{ done: state.share, failed: 0, text }} onCancel={cancel} />
      );
    }
    case 'lost':
      return (
        <Row
          name={file.name}
          tone="bad"
          text={words.uploadLost}
          alert
          actions={
            <>
              {button(copy.common.tryAgain, () => queue.retry(id))}
              {remove}
            </>
          }
        />
      );
    case 'unfit':
      return <Row name={file.name} tone="bad" text={words.failed(state.reason)} alert actions={remove} />;
    case 'refused': {
      const { error } = state;
      const again = error.status === 0 || error.status === 429 || error.status >= 500;
      return (
        <Row
          name={file.name}
          tone="bad"
          text={words.failed(failureReason(error.problem, file.name, copy, limits, id))}
          alert
          actions={
            <>
              {again && button(copy.common.tryAgain, () => queue.retry(id))}
              {remove}
            </>
          }
        />
      );
    }
    case 'duplicate':
      return (
        <Row
          name={file.name}
          tone="warn"
          text={words.alreadyHere(state.document.name)}
          alert
          actions={
            <>
              {button(copy.common.open, () => onOpen(state.document.id))}
              {remove}
            </>
          }
        />
      );
  }
}
