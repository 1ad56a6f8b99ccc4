/** An answer that several may have: who asks meanwhile waits for the same one, and it is kept for a while. */
export function remembered<Answer>(keptMs: number, read: () => Promise<Answer>): () => Promise<Answer> {
  let known: { readonly atMs: number; readonly answer: Promise<Answer> } | undefined;
  return () => {
    if (known && performance.now() - known.atMs < keptMs) return known.answer;
    const asked = { atMs: performance.now(), answer: read() };
    known = asked;
    // A failure is nobody's answer for long.
    asked.answer.catch(() => {
      if (known === asked) known = undefined;
    });
    return asked.answer;
  };
}
