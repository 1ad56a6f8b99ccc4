/** Runs in the page: composition events as browsers send them; the syllable enters the box with `input`. */
export function compose(element: Element, [syllable = '', ...sequence]: string[]): void {
  const box = element as HTMLTextAreaElement;
  const setValue = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')?.set;
  let composing = true;
  box.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }));
  for (const step of sequence) {
    const [type, code] = step.split(':');
    if (type === 'keydown') {
      const keyCode = Number(code);
      box.dispatchEvent(
        new KeyboardEvent('keydown', {
          key: keyCode === 229 ? 'Process' : 'Enter',
          code: 'Enter',
          keyCode,
          isComposing: composing,
          bubbles: true,
          cancelable: true,
        }),
      );
    } else if (type === 'input') {
      setValue?.call(box, box.value + syllable);
      box.dispatchEvent(new InputEvent('input', { bubbles: true }));
    } else {
      if (type === 'compositionend') composing = false;
      box.dispatchEvent(new CompositionEvent(type as string, { data: syllable, bubbles: true }));
    }
  }
}
