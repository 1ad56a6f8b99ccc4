/** The documents of a brain: adding by picker or by drop, every state live, and what can be done about it. */
import { useRef, useState } from 'react';
import { Virtualizer } from 'virtua';
import type { SourceLocation } from '../brain/source-location.ts';
import { useCopy } from '../copy/index.tsx';
import { useDocuments, useMe } from '../data/queries.ts';
import { useNow } from '../parts/banner.tsx';
import { Button } from '../parts/button.tsx';
import { inputLook } from '../parts/field.tsx';
import { Plus, Upload } from '../parts/icons.tsx';
import { LoadError, Skeleton } from '../parts/states.tsx';
import { DocumentRow } from './document-row.tsx';
import { extensions } from './document-state.ts';
import { UploadRow } from './upload-row.tsx';
import { useAnnouncements } from './use-announcements.ts';
import { useFileDrop } from './use-file-drop.ts';
import { useUploads } from './use-uploads.ts';

interface DocumentsPaneProps {
  readonly brain: string;
  readonly onOpen: (location: SourceLocation) => void;
}

/** Below, every row is in the page: simpler for assistive technology, and fast enough. */
const virtualFrom = 200;
/** A list this long is worth a filter. */
const filterFrom = 8;

export function DocumentsPane({ brain, onOpen }: DocumentsPaneProps) {
  const copy = useCopy();
  const { data: me } = useMe();
  const { data: documents, error, refetch } = useDocuments(brain);
  const { uploads, add, queue } = useUploads(brain, me?.limits);
  const [filter, setFilter] = useState('');
  const picker = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const mayWrite = me?.role !== 'viewer';
  const drop = useFileDrop(mayWrite ? add : null);
  const working = documents?.some(({ job }) => job.finished_at === null) ?? false;
  const now = useNow(working ? 5000 : null);
  useAnnouncements(documents, me?.limits);

  const wanted = filter.trim().toLocaleLowerCase();
  const shown = (documents ?? []).filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
  const empty = documents?.length === 0 && uploads.length === 0;
  const rows = me
    ? shown.map((document, index) => (
        <DocumentRow
          key={document.id}
          document={document}
          limits={me.limits}
          now={now}
          mayWrite={mayWrite}
          position={[index + 1, shown.length]}
          onOpen={() => onOpen({ document: document.id, page: 1, cite: null })}
        />
      ))
    : [];
  return (
    <section
      aria-labelledby="documents-title"
      className="pane-documents relative flex shrink-0 flex-col bg-surface"
      {...drop.handlers}
    >
      <div className="flex h-12 shrink-0 items-center justify-between gap-2 pr-3 pl-4 pointer-coarse:h-16">
        <h2 id="documents-title" className="font-semibold">
          {copy.panes.documents}
          {documents && documents.length > 0 && (
            <span className="ml-2 font-normal text-muted">{documents.length.toLocaleString()}</span>
          )}
        </h2>
        {mayWrite && !empty && (
          <Button size="sm" onClick={() => picker.current?.click()}>
            <Plus size={16} aria-hidden="true" />
            {copy.documents.add}
          </Button>
        )}
      </div>
      {me && me.embedding_model === null && <p className="px-4 pb-3 text-xs text-muted">{copy.documents.wordsOnly}</p>}
      <input
        ref={picker}
        type="file"
        multiple
        accept={[...extensions].join(',')}
        aria-label={copy.documents.add}
        tabIndex={-1}
        className="sr-only"
        onChange={({ currentTarget }) => {
          add([...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
      {documents && documents.length >= filterFrom && (
        <div className="px-4 pb-3">
          <input
            type="search"
            dir="auto"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
            aria-label={copy.documents.filter}
            placeholder={copy.documents.filter}
            className={`${inputLook} h-9`}
          />
        </div>
      )}
      <div ref={list} className="scroll-quiet min-h-0 flex-1 overflow-y-auto">
        {error && !documents ? (
          <LoadError error={error} onRetry={() => void refetch()} />
        ) : !documents ? (
          <Skeleton rows={4} />
        ) : (
          <>
            {empty && me && (
              <div className="m-4 flex flex-col items-center gap-4 rounded-lg border border-dashed border-control px-5 py-10 text-center">
                <Upload size={28} className="text-muted" aria-hidden="true" />
                <p>{copy.documents.empty}</p>
                {mayWrite ? (
                  <>
                    <Button look="primary" onClick={() => picker.current?.click()}>
                      {copy.documents.add}
                    </Button>
                    <p className="text-xs text-muted">
                      {copy.documents.dropHint(me.limits.upload_bytes_max, me.limits.pages_max)}
                    </p>
                  </>
                ) : (
                  <p className="text-xs text-muted">{copy.documents.readOnly}</p>
                )}
              </div>
            )}
            {uploads.length > 0 && me && (
              <ul>
                {uploads.map((upload) => (
                  <UploadRow
                    key={upload.id}
                    upload={upload}
                    limits={me.limits}
                    queue={queue}
                    onOpen={(document) => onOpen({ document, page: 1, cite: null })}
                  />
                ))}
              </ul>
            )}
            {documents.length > 0 && shown.length === 0 && (
              <p className="px-4 py-6 text-muted">{copy.documents.noMatch}</p>
            )}
            {rows.length > virtualFrom ? (
              <ul>
                <Virtualizer scrollRef={list}>{rows}</Virtualizer>
              </ul>
            ) : (
              <ul>{rows}</ul>
            )}
          </>
        )}
      </div>
      {drop.over && (
        <div className="pointer-events-none absolute inset-2 z-20 grid place-items-center rounded-lg border-2 border-dashed border-accent bg-accent-soft font-semibold text-accent">
          {copy.documents.dropHere}
        </div>
      )}
    </section>
  );
}
