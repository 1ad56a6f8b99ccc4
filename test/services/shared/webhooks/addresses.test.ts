import { expect, test } from '@jest/globals';
import { allowedAddresses, parseReceiver, webhookRules } from '../../../../services/shared/webhooks/addresses.ts';

const rulesOf = (WEBHOOK_PORTS: string, WEBHOOK_ALLOWED_NETWORKS = '') => {
  const rules = webhookRules({ WEBHOOK_PORTS, WEBHOOK_ALLOWED_NETWORKS });
  if (!rules) throw new Error('there are rules');
  return rules;
};
const open = rulesOf('443,80');
const check = (url: string, rules = open, resolve?: () => Promise<string[]>) =>
  allowedAddresses(parseReceiver(url, rules), rules, resolve);

test.each([
  'https://127.0.0.1/',
  'https://127.1/',
  'https://0x7f000001/',
  'https://2130706433/',
  'https://0.0.0.0/',
  'https://10.0.0.1/',
  'https://172.16.0.1/',
  'https://192.168.1.1/',
  'https://169.254.169.254/latest/meta-data',
  'https://100.64.0.1/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://192.0.2.1/',
  'https://198.18.0.1/',
  'https://[::1]/',
  'https://[::]/',
  'https://[::127.0.0.1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://[64:ff9b::a00:1]/',
  'https://[2002:a00:1::]/',
  'https://[2001::1]/',
  'https://[fe80::1]/',
  'https://[fec0::1]/',
  'https://[fd00:ec2::254]/',
  'https://[ff02::1]/',
  'https://localhost/',
  'https://metadata.localhost/',
])('%s leads into no public network', async (url) => {
  await expect(check(url)).rejects.toThrow('in a private network');
});

test('public addresses are allowed, by https', async () => {
  await expect(check('https://8.8.8.8/')).resolves.toEqual([{ address: '8.8.8.8', family: 4 }]);
  await expect(check('https://[2606:4700::1111]/')).resolves.toEqual([{ address: '2606:4700::1111', family: 6 }]);
  await expect(check('http://8.8.8.8/')).rejects.toThrow('begins with http:');
});

test('one private address of a name refuses all of them', async () => {
  await expect(check('https://a.example/', open, async () => ['8.8.8.8', '10.0.0.1'])).rejects.toThrow('private');
  await expect(check('https://a.example/', open, async () => ['8.8.8.8', '::1'])).rejects.toThrow('private');
});

test('a named network is allowed, by http too, and no other', async () => {
  const rules = rulesOf('443,80', '10.1.0.0/16, fd00::/8');
  await expect(check('http://10.1.2.3/', rules)).resolves.toHaveLength(1);
  await expect(check('https://[fd00::1]/', rules)).resolves.toHaveLength(1);
  await expect(check('https://10.2.0.1/', rules)).rejects.toThrow('private');
  await expect(check('https://a.example/', rules, async () => ['10.1.0.1', '192.168.0.1'])).rejects.toThrow('private');
});

test.each([
  ['ftp://a.example/', "allowed is 'https://host/path'"],
  ['nonsense', "allowed is 'https://host/path'"],
  ['https://user:secret@a.example/', 'holds a password'],
  ['https://a.example/#x', 'holds a password or a #fragment'],
  ['https://a.example:8443/', 'The port is 8443; this installation allows 443, 80'],
])('%s is refused', (url, why) => {
  expect(() => parseReceiver(url, open)).toThrow(why);
});

test('settings that are none say what is allowed', () => {
  expect(webhookRules({ WEBHOOK_PORTS: '', WEBHOOK_ALLOWED_NETWORKS: '10.0.0.0/8' })).toBeNull();
  expect(() => rulesOf('https')).toThrow("WEBHOOK_PORTS holds 'https', allowed are ports");
  expect(() => rulesOf('443', '10.0.0.0')).toThrow("WEBHOOK_ALLOWED_NETWORKS holds '10.0.0.0', allowed are networks");
});
