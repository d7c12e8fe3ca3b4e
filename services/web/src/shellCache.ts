/** The cache of the page's shell; the page and its service worker both name it. */
export const SHELL_CACHE = 'securechat-shell';
