/**
 * Preloaded into a server (`node --import`) where hundreds of people sign up before anything is tried: at the cost of real
 * passwords that alone takes a minute.
 */
import bcrypt from 'bcrypt';

const LOWEST_COST = 4;
const hash = bcrypt.hash;

bcrypt.hash = ((secret: string) => hash(secret, LOWEST_COST)) as typeof bcrypt.hash;
