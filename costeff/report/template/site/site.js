'use strict';
(() => {
  const tools = document.querySelector('form.tools');
  if (!tools) return;
  const fields = Object.fromEntries([...tools.querySelectorAll('[name]')].map((field) => [field.name, field]));
  const told = tools.querySelector('.told');
  const fold = (text) => text.toLowerCase().normalize('NFD').replace(/[\u0300-\u036f]/g, '').trim();
  const items = [...document.querySelectorAll('[data-find]')].map((element) => ({
    element, names: fold(element.dataset.find).split(' | '), county: element.dataset.county, size: element.dataset.size,
    home: element.parentElement,
  }));
  const groups = [...document.querySelectorAll('[data-group]')];
  const overview = [...document.querySelectorAll('[data-overview]')];
  const value = (name) => (fields[name] ? fields[name].value : '');
  const matches = (item, text) => item.names.some((name) => name.startsWith(text) || name.includes(' ' + text)
    || (text.length > 2 && name.includes(text)));

  const filter = () => {
    const text = fold(value('find'));
    let shown = 0;
    for (const item of items) {
      const seen = (!text || matches(item, text)) && (!value('county') || item.county === value('county'))
        && (!value('size') || item.size === value('size'));
      item.element.hidden = !seen;
      shown += seen ? 1 : 0;
    }
    const limited = Boolean(text || value('county') || value('size'));
    for (const part of overview) part.hidden = limited;
    for (const group of groups) group.hidden = ![...group.querySelectorAll('[data-find]')].some((one) => !one.hidden);
    told.textContent = shown === 0 ? tools.dataset.none : shown === 1 ? tools.dataset.one
      : tools.dataset.many.replace('{n}', String(shown));
  };

  const table = document.querySelector('table.places');
  const compare = new Intl.Collator(document.documentElement.lang).compare;
  const heads = table ? [...table.tHead.querySelectorAll('[data-column]')] : [];
  let flat = null;
  const key = (item, column) => {
    const cell = item.element.cells[column];
    return cell && cell.dataset.sort !== undefined ? cell.dataset.sort : null;
  };
  const order = () => {
    if (!table) return;
    const [name, direction] = value('sort').split(' ');
    const column = heads.findIndex((head) => head.dataset.column === name);
    heads.forEach((head, number) => {
      if (number === column) head.setAttribute('aria-sort', direction === 'down' ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    table.classList.toggle('flat', column >= 0);
    if (column < 0) {
      for (const item of items) item.home.append(item.element);
      return;
    }
    if (!flat) {
      flat = table.createTBody();
      flat.setAttribute('role', 'rowgroup');
    }
    const sign = direction === 'down' ? -1 : 1;
    const sorted = items.map((item) => [key(item, column), item]).sort(([one, a], [other, b]) => {
      if (one === null || other === null) return (one === null) - (other === null);
      const by = name === 'name' ? compare(one, other) : Number(one) - Number(other);
      return sign * by || compare(key(a, 0) || '', key(b, 0) || '');
    });
    for (const [, item] of sorted) flat.append(item.element);
  };
  const update = () => { order(); filter(); };

  for (const head of heads) {
    const options = [...fields.sort.options].map((option) => option.value);
    const own = options.filter((option) => option.split(' ')[0] === head.dataset.column);
    if (!own.length) continue;
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('aria-label', tools.dataset.sort + ': ' + head.textContent);
    head.append(button);
    head.classList.add('sorts');
    head.addEventListener('click', () => {
      const next = own[(own.indexOf(fields.sort.value) + 1) % own.length];
      fields.sort.value = next;
      update();
    });
  }

  const pointed = document.querySelector('.pointed');
  for (const tile of document.querySelectorAll('.map .tile')) {
    tile.addEventListener('mouseenter', () => { pointed.textContent = tile.title; });
    if (/^[0-9]{3}\.(fi|sv|en)\.html$/.test(tile.dataset.to || '')) {
      tile.classList.add('leads');
      tile.addEventListener('click', () => { window.location.href = tile.dataset.to; });
    }
  }

  tools.addEventListener('input', update);
  tools.addEventListener('submit', (event) => {
    event.preventDefault();
    const links = items.filter((item) => !item.element.hidden).map((item) => item.element.querySelector('a'));
    if (links[0]) links[0].focus();
  });
  tools.hidden = false;
  update();
})();
