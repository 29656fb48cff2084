-- Who writes many revisions at once marks those below them itself, in one statement, as a judge does:
-- looking for them row by row made a revision cost six times what a new row does. Such a writer says
-- so by SET LOCAL driftgauge.supersede = 'done'. For everybody else the trigger goes on as before.
SET LOCAL ROLE driftgauge_owner;

DROP TRIGGER supersede ON driftgauge.series_result;
CREATE TRIGGER supersede BEFORE INSERT ON driftgauge.series_result
    FOR EACH ROW WHEN (NEW.revision > 0 AND current_setting('driftgauge.supersede', true) IS DISTINCT FROM 'done')
    EXECUTE FUNCTION driftgauge.series_result_supersede();
DROP TRIGGER supersede ON driftgauge.slice_result;
CREATE TRIGGER supersede BEFORE INSERT ON driftgauge.slice_result
    FOR EACH ROW WHEN (NEW.revision > 0 AND current_setting('driftgauge.supersede', true) IS DISTINCT FROM 'done')
    EXECUTE FUNCTION driftgauge.slice_result_supersede();

COMMENT ON COLUMN driftgauge.series_result.superseded IS 'A higher revision exists, or the window has no such row any more; kept right by a trigger or by who writes.';
COMMENT ON COLUMN driftgauge.slice_result.superseded IS 'A higher revision exists, or the window has no such row any more; kept right by a trigger or by who writes.';
