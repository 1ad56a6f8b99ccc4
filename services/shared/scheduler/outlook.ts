/** What estimates are made from: a schedule and a job's place in it. */

/** What a schedule says of itself (lua/observed.lua). */
export interface Outlook {
  readonly bands: readonly BandOutlook[];
  /** For how long arrivals have been counted, and within what time they count. */
  readonly observedMs: number;
  readonly windowMs: number;
  /** Of all workers that ask. */
  readonly slots: number;
  readonly leases: number;
  readonly pagesPerGrant: number;
  /** Of the last grants: how long they were held, together. */
  readonly readMs: number;
  readonly readPages: number;
  readonly readGrants: number;
  /** Limits of the account; null: none. */
  readonly requestsPerMinute: number | null;
  readonly pagesPerMinute: number | null;
  /** The share of them that is used now, and how long the provider wants to be left alone. */
  readonly factor: number;
  readonly heldMs: number;
}

export interface BandOutlook {
  /** Pages that wait, by tenant; and the same without names, ascending. */
  readonly backlog: ReadonlyMap<string, number>;
  readonly sorted: readonly number[];
  readonly arrived: Arrived;
}

/** Within the window; those that came earlier in it count less. */
export interface Arrived {
  readonly pages: number;
  /** Jobs that came together are one. */
  readonly batches: number;
}

/** Where a job stands in its schedule. */
export interface Place {
  readonly tenant: string;
  readonly kind: 'probe' | 'parse';
  /** 0: a probe, or it does not wait. */
  readonly band: number;
  readonly waiting: boolean;
  readonly pagesLeft: number;
  readonly pagesHeld: number;
  /** How long ago the first of the grants under way was given. */
  readonly heldMs: number;
  /** Of its tenant, that go first. */
  readonly jobsAhead: number;
  /** Of its tenant and band, that go first. */
  readonly pagesAhead: number;
}
