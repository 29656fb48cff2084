(function () {
  'use strict';
  var $ = function (id) { return document.getElementById(id); };
  var table = $('table'), body = table.tBodies[0], tools = $('tools');
  var pairs = [];
  [].forEach.call(body.rows, function (row) {
    if (row.className === 'f') pairs.push([row]);
    else pairs[pairs.length - 1].push(row);
  });
  function show() {
    var text = $('filter').value.toLowerCase(), only = $('only').value;
    pairs.forEach(function (pair) {
      var name = pair[0].cells[0].textContent.toLowerCase();
      var hide = name.indexOf(text) < 0 || (only && pair[0].dataset.s !== only);
      pair.forEach(function (row) { row.hidden = hide; });
    });
  }
  function value(row, column) {
    var text = row.cells[column].textContent.trim(), number = parseFloat(text.replace(/^<|,/g, ''));
    return column < 3 || isNaN(number) ? text : number;
  }
  [].forEach.call(table.tHead.rows[0].cells, function (head, column) {
    if (column > 8) return;
    var button = document.createElement('button');
    while (head.firstChild) button.appendChild(head.firstChild);
    button.type = 'button';
    head.appendChild(button);
    button.onclick = function () {
      var up = head.getAttribute('aria-sort') === (column < 3 ? 'ascending' : 'descending');
      var sign = up === column < 3 ? -1 : 1;
      [].forEach.call(table.tHead.rows[0].cells, function (h) { h.removeAttribute('aria-sort'); });
      head.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
      pairs.sort(function (a, b) {
        var x = value(a[0], column), y = value(b[0], column);
        if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1;
        return (x < y ? -1 : x > y ? 1 : 0) * sign;
      });
      pairs.forEach(function (pair) {
        pair.forEach(function (row) { body.appendChild(row); });
      });
    };
  });
  body.addEventListener('click', function (event) {
    var row = event.target.closest('tr.f'), own = event.target.closest('summary,a');
    var details = row && !own && row.querySelector('details');
    if (details && !String(getSelection())) details.open = !details.open;
  });
  $('all').onclick = function () {
    var open = !body.querySelector('tr:not([hidden]) details[open]');
    [].forEach.call(body.querySelectorAll('tr:not([hidden]) details'), function (d) { d.open = open; });
    this.textContent = open ? 'Collapse all' : 'Expand all';
  };
  $('filter').oninput = $('only').onchange = show;
  tools.hidden = false;
})();
