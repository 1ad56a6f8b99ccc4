/** Wires the rule of `ime.ts` to a text field. */
import { type CompositionEvent, type KeyboardEvent, useRef } from 'react';
import { onEnter } from './ime.ts';

type Field = HTMLTextAreaElement | HTMLInputElement;

/** @param send reads the field's live value, which state may lag behind. */
export function useEnter(send: (value: string) => void) {
  const composition = useRef({ active: false, text: '', sendOnEnd: false });
  const soon = (field: Field) => setTimeout(() => send(field.value));
  return {
    onCompositionStart: () => {
      composition.current = { active: true, text: '', sendOnEnd: false };
    },
    onCompositionUpdate: (event: CompositionEvent<Field>) => {
      composition.current.text = event.data;
    },
    onCompositionEnd: (event: CompositionEvent<Field>) => {
      const { sendOnEnd } = composition.current;
      composition.current = { active: false, text: event.data, sendOnEnd: false };
      if (sendOnEnd) soon(event.currentTarget);
    },
    onKeyDown: (event: KeyboardEvent<Field>) => {
      const { key, code, keyCode, shiftKey, isComposing } = event.nativeEvent;
      const decision = onEnter({ key, code, keyCode, shiftKey, isComposing }, composition.current);
      if (decision === 'send') {
        event.preventDefault();
        send(event.currentTarget.value);
      } else if (decision === 'send-on-end') composition.current.sendOnEnd = true;
      else if (decision === 'send-soon') soon(event.currentTarget);
    },
  };
}
