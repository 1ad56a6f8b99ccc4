/** What is known of a page before it is sent: all that a provider answers is fitted into it. */
export interface PageFrame {
  readonly page_number: number;
  /** As displayed, in PDF points. */
  readonly width: number;
  readonly height: number;
  /** Degrees, as displayed. */
  readonly rotation: number;
  /** Something is drawn on it. */
  readonly drawn: boolean;
}
