/** Mail to people, by SMTP. Without SMTP_URL there is none, and inviters are shown the links instead. */
import { createTransport } from 'nodemailer';
import type { Logger } from '../../shared/log.ts';
import type { ApiSettings } from '../settings.ts';

/** The inviter waits for it: a server that takes longer counts as away. */
const timeoutMs = 10_000;

export interface Mailer {
  /** Whether mail is set up at all. */
  readonly configured: boolean;
  /** False: it was not taken; the log says why. */
  send(mail: { to: string; subject: string; text: string }): Promise<boolean>;
  close(): void;
}

type MailSettings = Pick<ApiSettings, 'SMTP_URL' | 'MAIL_FROM'>;

/** @throws Error for an SMTP_URL without MAIL_FROM, or one that is none */
export function createMailer({ SMTP_URL, MAIL_FROM }: MailSettings, log: Logger): Mailer {
  if (!SMTP_URL) return { configured: false, send: async () => false, close: () => {} };
  if (!/^smtps?:$/.test(URL.canParse(SMTP_URL) ? new URL(SMTP_URL).protocol : ''))
    throw new Error("SMTP_URL is malformed, allowed is 'smtps://user:password@host:465' or 'smtp://...:587'");
  if (!MAIL_FROM) throw new Error("MAIL_FROM is missing; with SMTP_URL it says whom mail comes from: 'no-reply@host'");
  const url = new URL(SMTP_URL);
  // A link in clear text is a link for everybody on the way; only this machine needs no TLS.
  if (!loopback.has(url.hostname)) url.searchParams.set('requireTLS', 'true');
  const transport = createTransport(
    { url: url.href, connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    { from: MAIL_FROM },
  );
  return {
    configured: true,
    send: async (mail) => {
      try {
        await transport.sendMail({ ...mail, disableFileAccess: true, disableUrlAccess: true });
        return true;
      } catch (error) {
        log.warn({ err: error }, 'a mail was not sent');
        return false;
      }
    },
    close: () => transport.close(),
  };
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/** In both languages of the page: nobody knows yet which one the person reads. The tenant's name is its operator's word. */
export function invitation(tenantName: string, link: string): { subject: string; text: string } {
  const tenant = tenantName.replaceAll(/\s+/g, ' ');
  return {
    subject: `Bulkhead: ${tenant}`,
    text: [
      `You are invited to "${tenant}" on Bulkhead. This link signs you in once, within 24 hours:`,
      link,
      'If you do not expect it, do nothing: without the link nobody can act in your name.',
      '',
      `Bulkhead의 “${tenant}”에 초대되었습니다. 아래 링크는 24시간 안에 한 번만 쓸 수 있습니다.`,
      link,
      '모르는 초대라면 무시하세요. 이 링크 없이는 아무도 대신 로그인할 수 없습니다.',
      '',
    ].join('\n'),
  };
}
