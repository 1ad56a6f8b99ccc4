/** Something that does not add up. */
export interface Finding {
  /** `missing`: accepted and not there. `left over`: deleted and still there. `twice`: there more than once. */
  readonly kind: 'missing' | 'left over' | 'twice' | 'contradiction';
  /** @example 'the file of a document is not in the object store' */
  readonly says: string;
  /** Id of the document, job, turn or brain, or an object's key. */
  readonly subject: string;
  /** What was found against what should be. */
  readonly detail?: string;
}
