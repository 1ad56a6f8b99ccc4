/** A real SMTP server on loopback that keeps what it is given. */
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

export interface Mailbox {
  /** For SMTP_URL. */
  readonly url: string;
  readonly mails: { readonly to: string; readonly text: string }[];
  /** The token of the newest link that went to this address. */
  tokenFor(email: string): string;
  close(): Promise<void>;
}

export async function startMailbox(): Promise<Mailbox> {
  const mails: { to: string; text: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    onData: (stream, session, done) => {
      text(stream).then((raw) => {
        const [head = '', body = ''] = raw.split(/\r\n\r\n(.*)/s);
        const decoded = /base64/i.test(head)
          ? Buffer.from(body, 'base64').toString()
          : quotedPrintable(body.replaceAll('\r\n', '\n'));
        for (const { address } of session.envelope.rcptTo) mails.push({ to: address, text: decoded });
        done();
      }, done);
    },
  });
  // A client that goes away early is no fault of the test.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails,
    tokenFor: (email) => {
      const mail = mails.findLast(({ to }) => to === email);
      const token = /#token=([\w-]+)/.exec(mail?.text ?? '')?.[1];
      if (!token) throw new Error(`no link was mailed to ${email}: ${JSON.stringify(mail)}`);
      return token;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const quotedPrintable = (body: string) =>
  Buffer.from(
    body
      .replaceAll(/=\n/g, '')
      .replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8');
