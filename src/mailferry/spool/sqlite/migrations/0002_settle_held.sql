-- Who sees that a message arrived may say so of a recipient that is held for its lost answer, too.
INSERT INTO move (origin, target) VALUES ('held', 'delivered');
