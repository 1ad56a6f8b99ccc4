/** What the bundler resolves and the compiler does not: style sheets and files by address. */
declare module '*.css';
declare module '*?url' {
  const url: string;
  export default url;
}
