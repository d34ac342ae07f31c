// What a page has of Node's own modules.
export default {};
