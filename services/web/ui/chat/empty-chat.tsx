/** Before the first question: what happens here, and three questions to start from. */
import { useCopy } from '../copy/index.tsx';
import { Quote } from '../parts/icons.tsx';

interface EmptyChatProps {
  /** Null while they load. */
  readonly documents: number | null;
  readonly mayAsk: boolean;
  readonly onAsk: (question: string) => void;
}

export function EmptyChat({ documents, mayAsk, onAsk }: EmptyChatProps) {
  const copy = useCopy();
  return (
    <div className="scroll-quiet flex min-h-0 flex-1 flex-col items-center justify-center gap-3 overflow-y-auto px-6 py-8 text-center">
      <Quote size={32} className="text-accent" aria-hidden="true" />
      <p className="text-xl font-semibold">{copy.chat.emptyTitle}</p>
      <p className="max-w-[48ch] text-muted">
        {documents === 0 ? copy.chat.emptyNoDocuments : documents !== null && copy.chat.empty(documents)}
      </p>
      {documents !== null && documents > 0 && mayAsk && (
        <ul className="mt-4 flex flex-wrap justify-center gap-2">
          {copy.chat.examples.map((example) => (
            <li key={example}>
              <button
                type="button"
                onClick={() => onAsk(example)}
                className="min-h-9 rounded-full border border-control px-4 py-1.5 hover:border-accent hover:bg-accent-soft pointer-coarse:min-h-11"
              >
                {example}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
