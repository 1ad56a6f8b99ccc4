/** What the handlers of the api tier share. */

import type { Redis } from 'ioredis';
import type { Authenticate, Identity } from '../shared/auth/identity.ts';
import type { Scheduler } from '../shared/contract/grant.ts';
import type { App } from '../shared/http/http.ts';
import { ProblemError } from '../shared/http/problem.ts';
import type { Logger } from '../shared/log.ts';
import type { Database } from '../shared/postgres/database.ts';
import type { JobEstimates } from '../shared/scheduler/parser-schedules.ts';
import type { DocumentStore } from '../shared/storage/document-store.ts';
import type { ChangeListener } from './events/change-listener.ts';
import type { EventHub } from './events/event-hub.ts';
import type { InvitationLimits } from './identity/invitation-limits.ts';
import type { Mailer } from './identity/mail.ts';
import type { Passwords } from './identity/sign-in/passwords.ts';
import type { SignIn } from './identity/sign-in/sign-in.ts';
import type { SignInLimits } from './identity/sign-in/sign-in-limits.ts';
import type { HandedOver } from './operations/prediction.ts';
import type { ApiSettings } from './settings.ts';
import type { TransferLimits } from './uploads/transfer-limits.ts';

export interface Api {
  readonly app: App;
  readonly db: Database;
  readonly store: DocumentStore;
  readonly settings: ApiSettings;
  readonly transfers: TransferLimits;
  readonly log: Logger;
  readonly signIn: SignIn;
  readonly limits: SignInLimits;
  readonly passwords: Passwords;
  readonly mailer: Mailer;
  readonly invitationLimits: InvitationLimits;
  /** For places in the queue and times left, and what waits; it may be away. */
  readonly scheduler: JobEstimates & Pick<Scheduler, 'snapshot' | 'held'>;
  readonly redis: Redis;
  /** Null: nobody handed it over. */
  readonly predicted: HandedOver | null;
  readonly changes: ChangeListener;
  readonly events: EventHub;
  readonly authenticate: Authenticate;
}

/** @throws ProblemError when a program asks for what only a person can have */
export function personOf(identity: Identity): string {
  if (!identity.personId) throw new ProblemError('forbidden', 'An API key asks; only a signed-in person can do this.');
  return identity.personId;
}
